"""What exports may take: places in the queue, and bytes of the storage."""

from dataclasses import dataclass

from sqlalchemy import Text, cast, func, select, text
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.errors import ConflictError, TooLargeError, TooManyError
from audiosense_collector.exports.tables import ExportRow
from audiosense_collector.settings import Settings

JOBS = sql_table("procrastinate_jobs", sql_column("id"), sql_column("status"))
AT_WORK = cast(JOBS.c.status, Text).in_(("todo", "doing"))
RETRY_S = 60
_LOCK = 4_150_771_133
"""Held by who asks for an export until it is queued, so that two who ask at once are counted one after the other."""


async def check_queue(session: AsyncSession, settings: Settings, actor: str) -> None:
    """See that one more export may be queued by somebody, until the session's transaction ends.

    Raises:
        TooManyError: as many as may wait or be written at a time do.
        ConflictError: the files that are kept take all the bytes that they may.
    """
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    own = func.count().filter(ExportRow.actor == actor)
    query = select(func.count(), own).select_from(ExportRow).join(JOBS, JOBS.c.id == ExportRow.job_id)
    in_all, of_actor = (await session.execute(query.where(ExportRow.file.is_(None), AT_WORK))).one()
    if of_actor >= settings.export_queue_per_user:
        raise TooManyError(
            f"{of_actor} exports of {actor} wait or are written already, and {settings.export_queue_per_user} may at "
            "a time; wait until one is done, or delete one",
            retry_after_s=RETRY_S,
            kind="own_exports_wait",
        )
    if in_all >= settings.export_queue:
        raise TooManyError(
            f"{in_all} exports wait or are written already, and {settings.export_queue} may at a time; try again when "
            "some are done",
            retry_after_s=RETRY_S,
            kind="exports_wait",
        )
    kept = await _kept_bytes(session)
    if kept >= settings.export_total_bytes:
        raise ConflictError(_all_taken(kept, settings), kind="exports_full")


@dataclass(slots=True)
class Allowance:
    """The bytes that an export may still write; ``refusal`` says which limit ends them."""

    left: int
    refusal: str

    @classmethod
    async def of(cls, session: AsyncSession, settings: Settings) -> "Allowance":
        """Return what one export may write beside the files that are kept; only one is written at a time."""
        kept = await _kept_bytes(session)
        room = max(0, settings.export_total_bytes - kept)
        if room < settings.export_max_bytes:
            return cls(room, _all_taken(kept, settings))
        most = settings.export_max_bytes
        return cls(
            most,
            f"the export is larger than {most} bytes (AUDIOSENSE_EXPORT_MAX_BYTES); ask for a shorter span, fewer "
            "sensors or features, roll-ups, or Parquet",
        )

    def take(self, count: int) -> None:
        """Count bytes before they are written.

        Raises:
            TooLargeError: they are too many.
        """
        self.left -= count
        if self.left < 0:
            raise TooLargeError(self.refusal)


def _all_taken(kept: int, settings: Settings) -> str:
    return (
        f"the exports that are kept hold {kept} of {settings.export_total_bytes} bytes "
        "(AUDIOSENSE_EXPORT_TOTAL_BYTES), too few are left; delete some that were fetched, and ask again"
    )


async def _kept_bytes(session: AsyncSession) -> int:
    return int(await session.scalar(select(func.coalesce(func.sum(ExportRow.bytes), 0))) or 0)
