"""The spool against a model of it, in any order of calls, with and without a cap that is reached."""

import os
import tempfile
from pathlib import Path

import pytest
from agent_testing.samples import measurement
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from audiosense_agent.spool import Spool
from audiosense_agent.spool.file import DamagedSpoolError
from audiosense_agent.spool.flight import InFlight
from audiosense_agent.spool.limits import Limits, Policy
from audiosense_agent.spool.values import damage


class SpoolMachine(RuleBasedStateMachine):
    """Any order of calls: the spool holds exactly what it should."""

    limits = Limits()

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "s.db"
        self.spool = Spool(self.path, self.limits)
        self.held, self.highest, self.number, self.sent, self.done, self.memory = {}, 0, 0, None, 0, 0
        self.late = []

    @rule(count=st.integers(0, 5))
    def append(self, count):
        rows = [measurement(self.number + i) for i in range(count)]
        self.number += count
        numbers = self.spool.append(rows, (), {"pump": count})
        assert numbers == sorted(numbers)
        assert not numbers or numbers[0] > self.highest
        self.highest = max([self.highest, *numbers])
        self.held |= {number: row.time_us for number, row in zip(numbers, rows, strict=False)}
        self.after_append(rows, numbers)

    def after_append(self, rows, numbers):
        assert len(numbers) == len(rows)

    @rule(limit=st.integers(1, 6), newest=st.booleans())
    def send(self, limit, newest):
        rows, told = self.spool.read(limit, newest=newest), self.spool.read_gaps(3)
        if self.sent is None and (rows or told):
            low, high = (rows[0].seq, rows[-1].seq) if rows else (1, 0)
            gaps = told[-1].row if told else 0
            self.sent = InFlight(os.urandom(8), low, high, (), gaps=gaps, life=self.spool.epoch)
            assert self.spool.put_in_flight(self.sent, len(rows), told)

    @rule()
    def answer(self):
        if self.sent is not None:
            self.spool.acknowledge(self.sent, token=str(self.number))
            self._forget_sent()

    @rule()
    def bury(self):
        if self.sent is not None:
            before = len(self.held)
            self.spool.bury(self.sent, "poison")
            self._forget_sent()
            self.done -= before - len(self.held)

    @rule()
    def refuse(self):
        self.spool.forget_in_flight()
        self.sent = None

    @rule(windows=st.integers(1, 9))
    def lose(self, windows):
        self.spool.count_dropped("pump", windows, self.number, self.number)
        self.memory += windows
        self.number += windows

    @rule()
    def reopen(self):
        self.spool.close()
        self.spool = Spool(self.path, self.limits)

    @rule()
    def set_aside(self):
        """What was sent before stays sent: an answer may come yet."""
        before = self.spool.status()
        with pytest.raises(DamagedSpoolError), self.spool._transaction():
            raise damage("a page is not what it was")
        status, told = self.spool.status(), self.spool.read_gaps(1_000)
        assert (status.rows, status.set_aside) == (0, 1)
        assert sum(gap.windows for gap in told if gap.reason == "set_aside") >= before.rows
        self.late += [batch for batch in (self.sent,) if batch is not None]
        self.done += sum(before.lost.values())
        self.held, self.highest, self.sent = {}, 0, None

    @rule(buries=st.booleans())
    def answer_late(self, buries):
        for batch in self.late:
            told = self.spool.read_gaps(1_000)
            if buries:
                self.spool.bury(batch, "poison")
            else:
                self.spool.acknowledge(batch, token="late")
            assert self.spool.read_gaps(1_000) == told
            assert not self.spool.put_in_flight(batch)

    def _forget_sent(self):
        left = {seq: at for seq, at in self.held.items() if not self.sent.low <= seq <= self.sent.high}
        self.done += len(self.held) - len(left)
        self.held, self.sent = left, None

    @invariant()
    def holds_what_it_should(self):
        assert {row.seq: row.time_us for row in self.spool.read(10_000)} == self.held
        assert self.spool.in_flight() == self.sent
        if self.sent is not None:
            self.sent = self.spool.in_flight()
        status = self.spool.status()
        assert status.rows == len(self.held)
        assert status.rows + self.done + sum(status.lost.values()) == self.number
        assert len(self.spool.read_gaps(1_000)) <= 40

    def teardown(self):
        self.spool.close()
        self.folder.cleanup()


class _Full(SpoolMachine):
    """With a cap that is reached: windows are long, so that a few fill it."""

    @rule(count=st.integers(20, 60))
    def append_many(self, count):
        self.append(count)

    @invariant()
    def stays_under_its_cap(self):
        assert self.spool.status().bytes < self.limits.max_bytes + 40_000


class DropOldestMachine(_Full):
    limits = Limits(max_bytes=110_000)

    def after_append(self, rows, numbers):
        assert len(numbers) == len(rows)
        left = {row.seq for row in self.spool.read(10_000)}
        gone = sorted(set(self.held) - left)
        sent = [] if self.sent is None else range(self.sent.low, self.sent.high + 1)
        assert not set(gone) & set(sent), "what is in flight stays"
        assert not gone or max(gone) < min(left - set(sent), default=self.highest + 1), "the oldest went"
        self.held = {seq: at for seq, at in self.held.items() if seq in left}


class KeepOldestMachine(_Full):
    limits = Limits(max_bytes=110_000, policy=Policy.KEEP_OLDEST)

    def after_append(self, rows, numbers):
        times = [self.held[number] for number in numbers]
        assert times == [row.time_us for row in rows[: len(numbers)]], "the first of them are kept"


TestSpoolMachine = SpoolMachine.TestCase
TestDropOldest = DropOldestMachine.TestCase
TestKeepOldest = KeepOldestMachine.TestCase
QUICK = settings(max_examples=20, stateful_step_count=25, deadline=None)
TestSpoolMachine.settings = TestDropOldest.settings = TestKeepOldest.settings = QUICK
