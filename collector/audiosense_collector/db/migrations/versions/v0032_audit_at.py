"""An index for those who read the log of changes of some time.

Revision ID: 0032
"""

from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.execute("CREATE INDEX ix_audit_entry_at ON audit_entry (at)")
