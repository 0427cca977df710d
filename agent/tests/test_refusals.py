"""A disk that takes no windows is told once, once an hour, and once when it has ended; not a line a window."""

import threading
from contextlib import closing
from uuid import UUID

from agent_testing.quiet import QuietSound, numbers_at
from agent_testing.samples import simulated

from audiosense_agent.errors import SpoolError
from audiosense_agent.events import EventRevision
from audiosense_agent.refusals import Refusals
from audiosense_agent.spool import Spool
from audiosense_agent.worker import Worker
from audiosense_common.wire import EventState


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def test_a_spool_that_takes_nothing_is_told_once_and_so_is_its_end(tmp_path, caplog):
    with closing(Spool(tmp_path / "s.db")) as spool:
        happens = {
            20: lambda: spool._db.execute("PRAGMA query_only = ON"),
            50: lambda: spool._db.execute("PRAGMA query_only = OFF"),
        }
        Worker(simulated(), QuietSound(60, happens), spool, group=1).run(threading.Event())
        assert numbers_at(*(row.time_us for row in spool.read(100))) == list(range(60))
    begun, ended = (text for text in warnings(caplog) if "spool" in text)
    assert "wait in memory meanwhile" in begun
    assert "30 windows had waited" in ended


def test_all_sensors_share_one_story_which_is_told_again_each_hour(caplog, monkeypatch):
    now_s = 1_000.0
    monkeypatch.setattr("audiosense_agent.refusals.time.monotonic", lambda: now_s)
    refusals, full = Refusals(), SpoolError("the spool s.db cannot be written: disk is full; free space on its disk")
    for number in range(1, 7_201):
        now_s += 1.0
        for sensor in ("pump", "fan"):
            refusals.refused(sensor, number, full)
    refusals.taken("pump")
    refusals.taken("other")
    assert len(warnings(caplog)) == 2, "the fan's windows still wait"
    refusals.taken("fan")
    begun, again, ended = warnings(caplog)
    assert begun == f"{full}; windows wait in memory meanwhile"
    assert again == f"{full}; for 60 min now, 7201 windows wait in memory"
    assert ended == "the spool takes windows again after 7199 s; 14400 windows had waited in memory"
    refusals.refused("pump", 1, full)
    refusals.given_up("pump")
    refusals.refused("fan", 1, full)
    assert warnings(caplog)[3:] == [begun, begun]


def test_of_the_events_that_wait_in_memory_each_keeps_its_last_revision_and_the_oldest_give_way(tmp_path, monkeypatch):
    monkeypatch.setattr("audiosense_agent.pending._MAX_WAITING", 20)

    def revision(event, number, state):
        scores = {"peak_us": 1, "peak_score": 0.8, "threshold": 0.6, "windows": number, "model": "ab" * 32}
        return EventRevision(UUID(int=event), "pump", number, state, start_us=1, end_us=2, **scores)

    with closing(Spool(tmp_path / "s.db")) as spool:
        spool._db.execute("PRAGMA query_only = ON")
        worker = Worker(simulated(), QuietSound(0), spool)
        worker._tell(revision(1, 1, EventState.OPEN))
        for event in range(2, 25):
            worker._tell(revision(event, 1, EventState.OPEN))
            worker._tell(revision(event, 2, EventState.CLOSE))
            worker._tell(revision(1, event, EventState.UPDATE))
            worker._commit()
            assert len(worker._pending._events) <= 20
        spool._db.execute("PRAGMA query_only = OFF")
        worker._commit()
        kept = [(event.id.int, event.revision) for _, event in spool.read_events(100)]
        assert kept == [*((event, 2) for event in range(6, 25)), (1, 24)]
        assert spool.status().dropped == 4
