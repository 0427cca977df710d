"""Breaking off what ONNX Runtime computes."""

import threading
import time
from uuid import UUID

import numpy as np
import pytest
from agent_testing.bundles import vectors
from agent_testing.graphs import ENDLESS, Live, bundle_of
from agent_testing.waiting import wait_for

from audiosense_agent import deadline as module
from audiosense_agent.deadline import Deadline
from audiosense_agent.detector import Detector
from audiosense_common.errors import BundleError


@pytest.fixture(scope="module")
def endless():
    return Detector(bundle_of(Live(turns=ENDLESS), UUID(int=7)))


def rows(detector, value):
    return np.full((1, len(detector.manifest.features)), value, np.float32)


def test_a_loop_without_end_is_broken_off_at_the_deadline(endless):
    deadline = Deadline(0.3)
    began = time.monotonic()
    with deadline, pytest.raises(BundleError, match="terminate"):
        endless.score_matrix(rows(endless, 1), deadline)
    assert 0.25 < time.monotonic() - began < 30
    assert deadline.has_passed


def test_one_that_is_entered_again_counts_from_there(endless):
    deadline = Deadline(0.4)
    for _ in range(4):
        with deadline:
            endless.score_matrix(rows(endless, 0), deadline)
        time.sleep(0.2)
    assert not deadline.has_passed
    with deadline, pytest.raises(Exception, match="terminate"):
        endless.judge(vectors()[0], None, deadline)


def test_its_thread_ends_when_there_is_none_and_begins_again(endless, monkeypatch):
    monkeypatch.setattr(module, "_IDLE_S", 0.2)

    def threads():
        return [thread for thread in threading.enumerate() if thread.name == "deadlines"]

    for _ in range(2):
        with Deadline(0.1) as deadline:
            endless.score_matrix(rows(endless, 0), deadline)
            assert len(threads()) == 1
        wait_for(lambda: not threads(), 60)
