"""Enrolment: the pinned CA, refusals that say why, an identity that is whole and private."""

import os
import stat

import pytest
from agent_testing.samples import simulated
from agent_testing.trust import Authority

from audiosense_agent.config import Settings
from audiosense_agent.enrolment import enrol, identity_path, load_identity
from audiosense_agent.errors import EnrolmentError, LinkError
from audiosense_agent.files import write_atomically
from audiosense_common.enrolment import EnrolmentKey
from audiosense_common.errors import EnrolmentKeyError


@pytest.fixture
def settings(tmp_path):
    return Settings(name="test", state_dir=tmp_path / "state", sensors=[simulated("a"), simulated("b")])


def test_a_key_gives_an_identity_that_is_kept_privately(settings, collector):
    identity, _ = enrol(settings, collector.key())
    assert load_identity(settings.state_dir) == identity
    assert identity.sensors.keys() == {"a", "b"}
    assert identity.trust.ca_pem == collector.authority.pem
    assert stat.S_IMODE(identity_path(settings.state_dir).stat().st_mode) == 0o600


def test_another_ca_than_the_keys_is_refused_before_the_secret_is_sent(settings, collector):
    with pytest.raises(EnrolmentError, match="somebody may be in between"):
        enrol(settings, collector.key(trust=Authority("evil").fingerprint))
    assert collector.requests == [("GET", "/api/v1/trust")]
    assert load_identity(settings.state_dir) is None


def test_a_collector_that_only_shows_the_pinned_ca_but_is_not_signed_by_it_gets_no_secret(
    settings, collector, authority, tmp_path
):
    collector.authority = Authority("pinned")
    with pytest.raises(LinkError, match="not signed by the enrolled CA"):
        enrol(settings, collector.key())
    assert ("POST", "/api/v1/enrol") not in collector.requests


@pytest.mark.parametrize("reason", ["this enrolment key expired at noon", "used up", "revoked"])
def test_a_refused_key_is_explained_with_the_remedy(settings, collector, reason):
    collector.refuse_enrolment = reason
    with pytest.raises(EnrolmentError, match=rf"{reason}.*create a new key"):
        enrol(settings, collector.key())


def test_a_remedy_that_the_collector_names_is_not_named_twice(settings, collector):
    collector.refuse_enrolment = "used up; create a new one with `audiosense-collector enrolment-key create`"
    with pytest.raises(EnrolmentError) as caught:
        enrol(settings, collector.key())
    assert str(caught.value).count("enrolment-key create") == 1


def test_a_key_is_not_spent_where_the_identity_cannot_be_kept(settings, collector):
    settings.state_dir.write_text("a file")
    with pytest.raises(OSError, match="state"):
        enrol(settings, collector.key())
    assert collector.requests == []


def test_a_collector_that_is_not_there_is_named(settings, collector):
    key = EnrolmentKey("https://127.0.0.1:9", collector.authority.fingerprint, "s").encode()
    with pytest.raises(LinkError, match=r"127\.0\.0\.1:9 cannot be reached"):
        enrol(settings, key)


def test_the_systems_trust_does_not_take_a_private_ca(settings, collector):
    with pytest.raises(LinkError, match="not signed"):
        enrol(settings, collector.key(trust="system"))


def test_a_key_that_is_none_is_refused(settings):
    with pytest.raises(EnrolmentKeyError, match="no enrolment key"):
        enrol(settings, "hello")


def test_a_damaged_identity_says_to_enrol_again(settings):
    settings.state_dir.mkdir()
    identity_path(settings.state_dir).write_text("{}")
    with pytest.raises(EnrolmentError, match="enrol the agent again"):
        load_identity(settings.state_dir)


def test_an_enrolment_sets_a_damaged_identity_aside(settings, collector, caplog):
    settings.state_dir.mkdir()
    path = identity_path(settings.state_dir)
    collector.refuse_enrolment = "used up"
    path.write_text("{cut sho")
    with pytest.raises(EnrolmentError, match="used up"):
        enrol(settings, collector.key())
    assert path.read_text() == "{cut sho", "what cannot be replaced stays where it is looked for"
    collector.refuse_enrolment = None
    identity, _ = enrol(settings, collector.key())
    assert load_identity(settings.state_dir) == identity
    assert path.with_name("identity.json.damaged").read_text() == "{cut sho"
    assert "set aside as identity.json.damaged" in caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes for others")
def test_what_root_writes_belongs_to_the_service(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, 12_345, 12_346)
    write_atomically(folder / "identity.json", b"{}")
    found = (folder / "identity.json").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (12_345, 12_346, 0o600)
