"""Certificates whose dates do not fit the clock: left out while it is known to be wrong, explained while it is not."""

import re
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from agent_testing.clips import clip, open_spool
from agent_testing.clocks import YEARS_1970_NS, Wrong
from agent_testing.collector import Collector
from agent_testing.trust import Authority

from audiosense_agent.clip_uplink import ClipUplink
from audiosense_agent.errors import LinkError
from audiosense_agent.health import link
from audiosense_agent.health.base import CheckState
from audiosense_agent.uplink import Retry


@pytest.fixture(params=[timedelta(days=3), timedelta(days=-3)], ids=["not yet valid", "has expired"])
def other_day(request, tmp_path):
    """A collector whose certificates are of another day than this computer's clock says; and what OpenSSL says."""
    with Collector(Authority("of another day", valid_in=request.param), tmp_path / "server") as running:
        yield running, "not yet valid" if request.param > timedelta(0) else "expired", request.param


def test_what_is_said_names_the_clock_the_certificates_dates_and_what_to_do(other_day):
    collector, found, off = other_day
    with closing(collector.identity("pump").client(5)) as client, pytest.raises(LinkError, match=found) as refused:
        client.request("GET", "/api/v1/trust")
    said = str(refused.value)
    now = datetime.now(UTC)
    assert f"the clock of this computer says {now:%Y-%m-%d}" in said
    assert f"until {now + off + timedelta(days=1):%Y-%m-%d}" in said
    assert "set the clock" in said
    assert "enrol" not in said, "that would not help"
    check = link.check(said, is_enrolled=True, silent_s=None, running_s=600.0)
    assert check.state is CheckState.FAILED
    assert said in check.remedy, "the self-check has all of it"


def test_a_certificate_of_another_authority_is_not_laid_at_the_clocks_door(other_day, tmp_path):
    collector, *_ = other_day
    identity = collector.identity("pump")
    foreign = identity.model_copy(update={"trust": identity.trust.model_copy(update={"ca_pem": Authority("x").pem})})
    with closing(foreign.client(5)) as client, pytest.raises(LinkError, match="not signed by the enrolled CA"):
        client.request("GET", "/api/v1/trust")


def test_clips_have_dates_checked_as_soon_as_the_clock_is_right(other_day, tmp_path):
    collector, found, _ = other_day
    wrong, identity, spool = Wrong(YEARS_1970_NS / 1e9), collector.identity("pump"), open_spool(tmp_path / "clips")
    uplink = ClipUplink(spool, 5.0, retry=Retry(first_s=0.001, cap_s=0.002), clock=wrong.clock)
    collector.clips_allowed = list(identity.sensors.values())

    def send(number):
        note, content = clip(number)
        assert spool.put(note, content)
        collector.events[note.id] = None
        uplink.exchange(collector.clips_allowed, identity, caught_up=True)
        time.sleep(0.005)
        uplink.step()
        return note.id in collector.clips

    assert not wrong.clock.is_wall_right
    assert send(1)
    wrong.step(-YEARS_1970_NS / 1e9)
    assert wrong.clock.is_wall_right
    assert not send(2)
    assert re.search(found, uplink._state)
    wrong.step(YEARS_1970_NS / 1e9)
    assert send(3)
    uplink._client[1].close()
