"""Sending what was noted: at once where it was quiet about a machine, else together after a while; never too much."""

import asyncio
import datetime as dt
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from procrastinate.exceptions import AlreadyEnqueued
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import DAY_US, now_us
from audiosense_collector.errors import SettingsError
from audiosense_collector.notifications.outbox import LATE_US
from audiosense_collector.notifications.tables import Notification
from audiosense_collector.queue.progress import Attempt
from audiosense_collector.runtime import Runtime
from audiosense_collector.settings import Settings
from audiosense_common.errors import AudioSenseError

log = structlog.get_logger()
TASK = "notify"
TIMEOUT_S = 60.0
MOST_LINES = 10
_LATE = text(
    "UPDATE notification SET state = 'late', settled = now() WHERE state = 'waiting' AND created < from_us(:old)"
)
_WAITING = text("""
SELECT subject, to_us(greatest(now(), coalesce((
    SELECT max(settled) + make_interval(secs => :quiet) FROM notification AS earlier
    WHERE earlier.subject = waiting.subject AND earlier.state = 'sent'
), now()))) AS due
FROM (SELECT DISTINCT subject FROM notification WHERE state = 'waiting') AS waiting
WHERE NOT EXISTS (
    SELECT FROM procrastinate_jobs WHERE queueing_lock = 'notify-' || subject AND status IN ('todo', 'doing')
)
""")


class NotificationError(AudioSenseError):
    """A message could not be delivered to each target."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where messages go; ``name`` tells it without its secrets, ``digest`` knows it again."""

    url: str
    name: str
    digest: str


def targets_of(settings: Settings) -> list[Target]:
    """Return the targets of ``AUDIOSENSE_NOTIFY_URLS``.

    Raises:
        SettingsError: apprise does not know one; it is told by its place, since addresses hold passwords.
    """
    if not settings.notify_urls:
        return []
    from apprise import Apprise  # noqa: PLC0415 - a second to import, and mostly not needed

    # Its log would tell addresses.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    targets = []
    for number, secret in enumerate(settings.notify_urls, start=1):
        url = secret.get_secret_value()
        scheme = url.partition("://")[0][:20]
        if not Apprise().add(url):
            raise SettingsError(
                f"AUDIOSENSE_NOTIFY_URLS: address {number} of {len(settings.notify_urls)} is no address that apprise "
                "knows; expected addresses like mailtos://USER:PASSWORD@HOST or json://HOST/PATH, separated by spaces"
            )
        digest = hashlib.sha256(url.encode()).hexdigest()[:16]
        targets.append(Target(url, f"target {number} ({scheme})", digest))
    return targets


async def queue_waiting(runtime: Runtime) -> None:
    """Queue a message for each subject of which something waits to be told, when it is time."""
    if not runtime.settings.notify_urls:
        return
    async with runtime.sessions.begin() as session:
        await session.execute(_LATE, {"old": now_us() - LATE_US})
        found = (await session.execute(_WAITING, {"quiet": runtime.settings.notify_quiet_s})).all()
    for subject, due_us in found:
        lock, due = f"notify-{subject}", dt.datetime.fromtimestamp(due_us / 1e6, dt.UTC)
        deferrer = runtime.jobs.configure_task(
            TASK, lock=lock, queueing_lock=lock, queue="notifications", schedule_at=due
        )
        try:
            await deferrer.defer_async(subject=subject)
        except AlreadyEnqueued:
            continue


async def send(runtime: Runtime, subject: str, attempt: Attempt) -> None:
    """Tell each target what waits of a subject.

    A target that was told is not told again when another one failed. A worker that dies right after a target has taken
    a message sends it once more.

    Raises:
        NotificationError: a target did not take it.
    """
    targets = targets_of(runtime.settings)
    async with runtime.sessions.begin() as session:
        rows = await _waiting(session, subject)
        today = now_us() // DAY_US * DAY_US
        settled = select(Notification.subject, Notification.settled).distinct()
        sent = settled.where(Notification.state == "sent", Notification.settled >= today).subquery()
        count = await session.scalar(select(func.count()).select_from(sent)) or 0
        if count >= runtime.settings.notify_per_day:
            await attempt.finish(session)
            await _settle(session, rows, "capped")
            log.warning("the day's notifications are used up", subject=subject, not_sent=len(rows))
            return
    last = count + 1 == runtime.settings.notify_per_day
    failed = [target for target in targets if not await _deliver(runtime, rows, target, last=last)]
    if failed:
        raise NotificationError(f"not delivered to {', '.join(target.name for target in failed)}")
    async with runtime.sessions.begin() as session:
        await attempt.finish(session)
        await _settle(session, rows, "sent")


async def _waiting(session: AsyncSession, subject: str) -> list[Notification]:
    query = select(Notification).where(Notification.subject == subject, Notification.state == "waiting")
    return list(await session.scalars(query.order_by(Notification.created, Notification.id)))


async def _settle(session: AsyncSession, rows: Sequence[Notification], state: str) -> None:
    own = Notification.id.in_([row.id for row in rows])
    await session.execute(update(Notification).where(own).values(state=state, settled=now_us()))


async def _deliver(runtime: Runtime, rows: Sequence[Notification], target: Target, *, last: bool) -> bool:
    fresh = [row for row in rows if target.digest not in row.delivered]
    if not fresh:
        return True
    title, body = compose(fresh, last=last)
    if not await asyncio.to_thread(_push, target.url, title, body):
        log.warning("a notification was not delivered", target=target.name, subject=fresh[0].subject)
        return False
    async with runtime.sessions.begin() as session:
        taken = func.array_append(Notification.delivered, target.digest)
        own = Notification.id.in_([row.id for row in fresh])
        await session.execute(update(Notification).where(own).values(delivered=taken))
    return True


def compose(rows: Sequence[Notification], *, last: bool = False) -> tuple[str, str]:
    """Return title and text of a message."""
    lines = [row.content["line"] for row in rows]
    left = len(lines) - MOST_LINES
    if left > 0:
        lines = [f"({left} earlier ones are on the dashboard)", *lines[-MOST_LINES:]]
    if last:
        lines.append("This was the last message of today (UTC): the day's number is used up. Look at the dashboard.")
    return f"AudioSense: {rows[0].content['title']}", "\n".join(lines)


def _push(url: str, title: str, body: str) -> bool:
    from apprise import Apprise  # noqa: PLC0415

    service = Apprise()
    service.add(url)
    return bool(service.notify(title=title, body=body, timeout=TIMEOUT_S))
