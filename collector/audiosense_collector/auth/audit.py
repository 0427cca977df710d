"""Reading the log of changes."""

from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.auth.schemas import ChangeOut, ChangePage
from audiosense_collector.auth.tables import AuditEntry
from audiosense_collector.paging import page_by_id


async def read(
    session: AsyncSession,
    *,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    subject_id: str | None = None,
    limit: int = 100,
    before: int | None = None,
) -> ChangePage:
    """Return a page of entries, the newest first."""
    wanted = (
        (AuditEntry.actor, actor),
        (AuditEntry.action, action),
        (AuditEntry.subject, subject),
        (AuditEntry.subject_id, subject_id),
    )
    rows, more = await page_by_id(session, AuditEntry, wanted, limit=limit, before=before)
    items = [
        ChangeOut(
            id=row.id,
            at_us=row.at,
            actor=row.actor,
            address=row.address,
            action=row.action,
            subject=row.subject,
            subject_id=row.subject_id,
            before=row.before,
            after=row.after,
            request_id=row.request_id,
        )
        for row in rows
    ]
    return ChangePage(items=items, next=more)
