"""What an administrator and an agent of release 0.1.0 left on the disk serves this one, and means the same."""

import json
import shutil
import tomllib
from pathlib import Path
from uuid import UUID

import pytest

from audiosense_agent.config import load_settings
from audiosense_agent.enrolment import Identity, identity_path, load_identity
from audiosense_common.wire_enrolment import Trust

RECORDED = Path(__file__).parent / "recorded"
CONFIG = RECORDED / "agent-0.1.0.toml"
IDENTITY = RECORDED / "identity-0.1.0.json"
DEFAULTS = {"site": "Default site", "sample_rate_hz": 16_000, "window_s": 5.0}
"""Of release 0.1.0, for the sensors that leave them out."""


def chosen(told, found):
    """Of what was found the part that was told, to any depth."""
    if isinstance(told, dict):
        return {key: chosen(value, found[key]) for key, value in told.items()}
    if isinstance(told, list) and told and isinstance(told[0], dict):
        return [chosen(one, other) for one, other in zip(told, found, strict=True)]
    return found


def test_a_configuration_of_the_previous_release_means_what_it_meant():
    told = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    settings = load_settings(CONFIG, {})
    assert chosen(told, settings.model_dump(mode="json")) == told
    left_out = [DEFAULTS | sensor for sensor in told["sensors"]]
    assert chosen(left_out, [sensor.model_dump(mode="json") for sensor in settings.sensors]) == left_out
    assert [sensor.window_samples for sensor in settings.sensors] == [110_250, 80_000, 80_000]


def test_what_the_previous_release_did_not_know_has_its_default_and_changes_no_sensor():
    settings = load_settings(CONFIG, {})
    assert (settings.spool.policy, settings.metrics.port) == ("drop_oldest", None)
    assert all(sensor.full_scale is None and sensor.running_level_dbfs is None for sensor in settings.sensors)
    assert {sensor.quantity for sensor in settings.sensors} == {"sound_pressure"}


@pytest.mark.parametrize(
    ("variable", "value", "found"),
    [
        ("NAME", "other", lambda settings: settings.name),
        ("STATE_DIR", "/srv/other", lambda settings: str(settings.state_dir)),
        ("COLLECTOR__TIMEOUT_S", 7.0, lambda settings: settings.collector.timeout_s),
        ("SPOOL__MAX_BYTES", 2**24, lambda settings: settings.spool.max_bytes),
    ],
    ids=["name", "state_dir", "timeout", "max_bytes"],
)
def test_variables_of_the_previous_release_still_win_over_its_file(variable, value, found):
    assert found(load_settings(CONFIG, {f"AUDIOSENSE_AGENT_{variable}": str(value)})) == value


@pytest.fixture
def state_dir(tmp_path):
    shutil.copy(IDENTITY, identity_path(tmp_path))
    return tmp_path


def test_an_identity_of_the_previous_release_needs_no_new_enrolment(state_dir):
    identity = load_identity(state_dir)
    ca_pem = json.loads(IDENTITY.read_text(encoding="utf-8"))["trust"]["ca_pem"]
    assert identity == Identity(
        url="https://collector.example:8443",
        agent=UUID("6f1d7e2a-3b0c-4c55-9a51-0d3a8f1e2b47"),
        credential="recorded-credential-of-nobody",
        next=None,
        trust=Trust(ca_pem=ca_pem, signing_keys={"3f6a1c0b9d2e4875": "5d" * 32}),
        sensors={"press 1 motor": UUID(int=1), "pump 3 replay": UUID(int=2)},
    )
    identity.client().close()


def test_an_identity_of_the_previous_release_can_change_its_credential(state_dir):
    """What this release adds while a credential is changed is no hindrance, and nothing else of the file changes."""
    before = load_identity(state_dir)
    changing = before.model_copy(update={"next": "given-by-the-collector"})
    assert changing.save_instead_of(before, state_dir)
    written = json.loads(identity_path(state_dir).read_text(encoding="utf-8"))
    assert written == json.loads(IDENTITY.read_text(encoding="utf-8")) | {"next": "given-by-the-collector"}
    assert load_identity(state_dir) == changing
