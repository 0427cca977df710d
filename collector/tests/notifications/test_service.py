"""Notifications, delivered by apprise to a real server on this computer."""

import contextlib
import http.server
import json
import threading
import uuid

import pytest
from sqlalchemy import text

from audiosense_collector.clock import now_us
from audiosense_collector.errors import SettingsError
from audiosense_collector.jobs import make_jobs
from audiosense_collector.notifications import outbox, service
from audiosense_collector.notifications.tables import Notification
from audiosense_collector.queue.worker import NOTIFICATIONS, queues_of
from audiosense_collector.runtime import open_runtime
from audiosense_collector.settings import Settings
from audiosense_common.wire import Event, EventState

# apprise looks for a module that newer Pythons do not have.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
SECRET = "hunter2-in-the-path"


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes messages, or fails as often as it is told to."""

    def do_POST(self):
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        refused = self.server.refusals > 0
        self.server.refusals -= refused
        if not refused:
            self.server.taken.append(content)
        self.send_response(500 if refused else 200)
        self.end_headers()

    def log_message(self, *_arguments):
        """Stay silent."""


@contextlib.contextmanager
def receiving():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.taken, server.refusals = [], 0
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
async def people(settings, database_url):
    """A runtime with two targets, and the servers behind them."""
    with receiving() as first, receiving() as second:
        urls = " ".join(f"json://127.0.0.1:{each.server_port}/{SECRET}/" for each in (first, second))
        own = Settings(_env_file=None, **settings.model_dump(exclude={"notify_urls"}), notify_urls=urls)
        async with open_runtime(own, database_url, make_jobs(database_url)) as runtime:
            async with runtime.sessions.begin() as session:
                await session.execute(text("TRUNCATE notification, agent_told, procrastinate_jobs CASCADE"))
            yield runtime, first, second


async def tell(runtime):
    """Queue what waits and do what is due."""
    await service.queue_waiting(runtime)
    await runtime.jobs.run_worker_async(
        wait=False, install_signal_handlers=False, listen_notify=False, additional_context={"runtime": runtime}
    )


async def hurry(runtime, statement="UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo'"):
    async with runtime.sessions.begin() as session:
        await session.execute(text(statement))


async def states(runtime):
    async with runtime.sessions() as session:
        return list(await session.scalars(text("SELECT state FROM notification ORDER BY id")))


def event_of(agent, *, state=EventState.OPEN, identity=None, revision=1, age_us=0):
    (sensor,) = agent.sensors.values()
    end = now_us() - age_us
    return Event(
        id=identity or uuid.uuid4(), sensor=sensor, revision=revision, state=state, start_us=end - 60_000_000,
        end_us=end, peak_us=end, peak_score=0.9, threshold=0.5, windows=12, model="a" * 64, reasons=[],
    )  # fmt: skip


async def test_the_first_event_is_told_at_once_and_the_next_ones_of_the_machine_together(people, make_agent, register):
    runtime, first, second = people
    assert NOTIFICATIONS in queues_of(runtime)
    agent = await make_agent(register(machine="Saw 7"))
    opened, old = event_of(agent), event_of(agent, age_us=2 * outbox.LATE_US)
    await agent.send(agent.batch(events=[opened, old]))
    await tell(runtime)
    assert [len(server.taken) for server in (first, second)] == [1, 1]
    assert first.taken[0]["title"] == "AudioSense: Saw 7"
    assert first.taken[0]["message"].startswith("Saw 7 / drive-end: sounds unusual since ")
    closed = event_of(agent, state=EventState.CLOSE, identity=opened.id, revision=3)
    await agent.send(agent.batch(events=[event_of(agent, identity=opened.id, revision=2)]))
    await agent.send(agent.batch(events=[closed, event_of(agent)]))
    await tell(runtime)
    assert len(first.taken) == 1, "quiet for a while"
    await hurry(runtime)
    await tell(runtime)
    assert [line.split(": ")[1][:13] for line in first.taken[1]["message"].splitlines()] == [
        "sounds normal", "sounds unusua",
    ]  # fmt: skip
    assert await states(runtime) == ["sent"] * 3


async def test_a_target_that_fails_is_tried_again_with_back_off_and_the_other_one_is_not_told_twice(
    people, make_agent, capfd
):
    runtime, first, second = people
    second.refusals = 1
    agent = await make_agent()
    await agent.send(agent.batch(events=[event_of(agent)]))
    await tell(runtime)
    async with runtime.sessions() as session:
        error = await session.scalar(
            text("SELECT error FROM job_progress WHERE error IS NOT NULL ORDER BY job_id DESC")
        )
        waits = await session.scalar(text("SELECT scheduled_at > now() FROM procrastinate_jobs WHERE status = 'todo'"))
    assert (error, waits) == ("not delivered to target 2 (json)", True)
    await tell(runtime)
    assert len(second.taken) == 0
    await hurry(runtime)
    await tell(runtime)
    assert [len(server.taken) for server in (first, second)] == [1, 1]
    written = "".join(capfd.readouterr())
    assert "target 2 (json)" in written
    assert SECRET not in written + repr(runtime.settings)


async def test_no_more_than_the_days_number_is_sent_and_what_is_too_old_never(people):
    runtime, first, _ = people
    async with runtime.sessions.begin() as session:
        for number in range(runtime.settings.notify_per_day + 1):
            created = now_us() - (2 * outbox.LATE_US if number == 0 else 0)
            row = {"kind": "event_open", "content": {"title": "t", "line": f"line {number}"}, "state": "waiting"}
            if 1 < number < runtime.settings.notify_per_day:
                row |= {"state": "sent", "settled": created}
            session.add(Notification(subject=f"machine-{number}", created=created, **row))
    await tell(runtime)
    await hurry(runtime, "INSERT INTO notification (subject, kind, created, content, state)"
        " VALUES ('machine-x', 'event_open', now(), '{\"title\": \"t\", \"line\": \"x\"}', 'waiting')")  # fmt: skip
    await tell(runtime)
    found = await states(runtime)
    assert (found.count("late"), found.count("capped")) == (1, 1)
    assert len(first.taken) == 2
    assert "the day's number is used up" in first.taken[1]["message"]


async def test_agents_that_fall_silent_are_told_once_and_when_they_are_heard_again(people, make_agent):
    runtime, first, _ = people
    agent = await make_agent(name="agent-silent")
    await agent.send(agent.batch())

    async def look(statement):
        await hurry(runtime, f"UPDATE agent SET {statement} WHERE id = '{agent.id}'")
        async with runtime.sessions.begin() as session:
            await outbox.note_agents(session)
            return await outbox.note_agents(session)

    assert await look("name = name") == 0
    assert await states(runtime) == []
    for change in ("last_seen = now() - interval '6 minutes'", "last_seen = now()", "state = 'quarantined'"):
        assert await look(change) == 0, "told once"
    assert await look("state = 'revoked'") == 0
    await tell(runtime)
    (message,) = first.taken
    assert [line.removeprefix("Agent agent-silent ").split("; ")[0] for line in message["message"].splitlines()] == [
        "was not heard for five minutes", "is heard again", "is quarantined",
    ]  # fmt: skip


def test_an_address_that_apprise_does_not_know_is_told_by_its_place(settings):
    bad = Settings(
        _env_file=None, **settings.model_dump(exclude={"notify_urls"}), notify_urls=f"json://x nope://{SECRET}"
    )
    with pytest.raises(SettingsError, match="address 2 of 2") as raised:
        service.targets_of(bad)
    assert SECRET not in str(raised.value)
