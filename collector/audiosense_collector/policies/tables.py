"""Policy."""

from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import Table, TimeColumn


class Policy(Table):
    """A setting that an administrator has changed; ``setting`` is its name in ``settings.Settings``."""

    __tablename__ = "policy"
    setting: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[float]
    set_by: Mapped[str]
    set_at: Mapped[TimeColumn]
