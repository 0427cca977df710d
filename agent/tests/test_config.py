"""Configuration: the example, variables over the file, errors that name key, place and remedy."""

import contextlib
import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosense_agent.config import (
    MicrophoneSource,
    RecordingSource,
    SensorSettings,
    Settings,
    SimulatorSource,
    default_config_path,
    load_settings,
)
from audiosense_agent.errors import ConfigError
from audiosense_agent.sections import CollectorSettings, MetricsSettings, SpoolSettings
from audiosense_agent.spool.limits import Limits, Policy

EXAMPLE = Path(__file__).parents[1] / "audiosense-agent.example.toml"
SENSOR = '[[sensors]]\nname = "pump"\nmachine = "pump 1"\n'


def load(tmp_path, text, **environment):
    path = tmp_path / "agent.toml"
    path.write_text(text)
    return load_settings(path, environment)


def test_the_example_is_valid():
    settings = load_settings(EXAMPLE, {})
    assert [sensor.source.type for sensor in settings.sensors] == ["microphone", "recording", "simulator"]


def test_the_example_documents_every_option():
    tree = tomllib.loads(EXAMPLE.read_text())
    sources = {sensor["source"]["type"]: set(sensor["source"]) for sensor in tree["sensors"]}
    assert set(tree) == set(Settings.model_fields)
    assert set(tree["collector"]) == set(CollectorSettings.model_fields)
    assert set(tree["spool"]) == set(SpoolSettings.model_fields)
    assert set(tree["metrics"]) == set(MetricsSettings.model_fields)
    assert {key for sensor in tree["sensors"] for key in sensor} == set(SensorSettings.model_fields)
    assert sources["microphone"] == set(MicrophoneSource.model_fields)
    assert sources["recording"] == set(RecordingSource.model_fields)
    assert sources["simulator"] == set(SimulatorSource.model_fields)


def test_the_example_shows_the_true_defaults():
    tree = tomllib.loads(EXAMPLE.read_text())
    assert tree["collector"] == CollectorSettings().model_dump()
    assert tree["spool"] == SpoolSettings().model_dump()


def test_microphones_default_to_48_khz_and_others_to_16(tmp_path):
    microphone = load(tmp_path, SENSOR + 'source = {type = "microphone"}').sensors[0]
    simulator = load(tmp_path, SENSOR + 'source = {type = "simulator"}').sensors[0]
    assert (microphone.sample_rate_hz, simulator.sample_rate_hz) == (48_000, 16_000)
    assert simulator.window_s == 5.0
    assert simulator.window_us == 5_000_000


def test_the_spools_limits_come_from_the_configuration(tmp_path):
    limits = load(tmp_path, '[spool]\npolicy = "keep_oldest"\nmax_age_days = 0').spool.limits
    assert limits == Limits(512 * 2**20, Policy.KEEP_OLDEST, 0, 1_000)
    assert load(tmp_path, "", AUDIOSENSE_AGENT_SPOOL__MAX_AGE_DAYS="2.5").spool.limits.max_age_days == 2.5


def test_variables_win_over_the_file(tmp_path):
    settings = load(
        tmp_path,
        'name = "a"\n[collector]\nheartbeat_s = 1',
        AUDIOSENSE_AGENT_NAME="b",
        AUDIOSENSE_AGENT_COLLECTOR__HEARTBEAT_S="7.5",
        AUDIOSENSE_AGENT_SENSORS='[{"name": "x", "machine": "m", "source": {"type": "simulator"}}]',
    )
    assert settings.name == "b"
    assert settings.collector.heartbeat_s == 7.5
    assert settings.sensors[0].name == "x"


def test_the_simulators_variables_win_over_the_file(tmp_path):
    text = SENSOR + 'source = {type = "simulator", interval_s = 3}'
    source = load(tmp_path, text, SIM_INTERVAL_SECONDS="0.5", SIM_ANOMALY_RATE="0.25").sensors[0].source
    assert (source.interval_s, source.anomaly_rate) == (0.5, 0.25)


def test_the_collectors_own_variables_are_left_alone(tmp_path):
    load(tmp_path, "", AUDIOSENSE_AGENT_HOST="0.0.0.0", AUDIOSENSE_AGENT_PORT="8443", AUDIOSENSE_AGENT_URL="https://x")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            SENSOR + 'quantity = "acceleration"\ndbfs_at_94_db_spl = -30\nsource = {type = "simulator"}',
            ["sensor 'pump'", "dbfs_at_94_db_spl", "acceleration", "full_scale_g"],
        ),
        (
            SENSOR + 'full_scale_g = 16\nsource = {type = "simulator"}',
            ["sensor 'pump'", "full_scale_g", "sound pressure", "dbfs_at_94_db_spl"],
        ),
        (
            SENSOR + 'dbfs_at_94_db_spl = -30\ndb_spl_at_0_dbfs = 120\nsource = {type = "simulator"}',
            ["sensor 'pump'", "dbfs_at_94_db_spl and db_spl_at_0_dbfs", "one of them"],
        ),
        (
            SENSOR + 'quantity = "velocity"\nsource = {type = "simulator"}',
            ["sensor 'pump' quantity", "sound_pressure", "acceleration", "'velocity'"],
        ),
        (
            SENSOR + 'running_level_dbfs = "on"\nsource = {type = "simulator"}',
            ["sensor 'pump' running_level_dbfs", "'on'"],
        ),
        ('nam = "x"', ["'nam'", "top level", "did you mean 'name'"]),
        ("[collector]\nbatch_interval = 1", ["'batch_interval'", "collector", "'batch_interval_s'"]),
        (SENSOR + 'window = 3\nsource = {type = "simulator"}', ["'window'", "sensor 'pump'", "'window_s'"]),
        (SENSOR + 'source = {type = "simulator", kid = "fan"}', ["'kid'", "sensor 'pump'", "'kind'"]),
        (SENSOR + 'source = {type = "sim"}', ["'sim'", "'simulator'"]),
        (SENSOR, ["'source'", "missing", "sensor 'pump'"]),
        (
            SENSOR + 'source = {type = "recording", pathh = "x.wav"}',
            ["unknown key 'pathh' in sensor 'pump' source, did you mean 'path'?"],
        ),
        (
            '[[sensors]]\nnam = "x"\nmachine = "m"\nsource = {type = "simulator"}',
            ["unknown key 'nam' in sensor number 1, did you mean 'name'?"],
        ),
        (
            SENSOR + '[sensors.sorce]\ntype = "simulator"',
            ["unknown key 'sorce' in sensor 'pump', did you mean 'source'?"],
        ),
        (
            SENSOR + 'source = {type = "recording", spee = "fast", pathh = "x.wav"}',
            ["unknown key 'pathh' in sensor 'pump' source, did you mean 'path'?"],
        ),
        (
            SENSOR + 'source = {typ = "simulator"}',
            ["unknown key 'typ' in sensor 'pump' source, did you mean 'type'?", "'microphone', 'recording' or"],
        ),
        (SENSOR + "source = {}", ["the key 'type' is missing in sensor 'pump' source", "'microphone', 'recording' or"]),
        (SENSOR + 'simulator = 3\nsource = {type = "simulator"}', ["unknown key 'simulator' in sensor 'pump'"]),
        (SENSOR + 'source = "simulator"', ["sensor 'pump' source", "'simulator'"]),
        ('[spool]\npolicy = "drop_newest"', ["spool.policy", "'drop_oldest' or 'keep_oldest'", "'drop_newest'"]),
        ("[spool]\nmax_age_days = -1", ["spool.max_age_days", "greater than or equal to 0", "-1"]),
        ("[spool]\nmax_age = 3", ["'max_age'", "spool", "did you mean 'max_age_days'"]),
        ("[collector]\ntimeout_s = -1", ["collector.timeout_s", "greater than 0", "-1"]),
        (SENSOR + 'source = {type = "simulator", kind = "mixer"}', ["'pump'", "'mixer'"]),
        ("name = ", ["no valid TOML"]),
        (2 * (SENSOR + 'source = {type = "simulator"}\n'), ["'pump'", "more than once"]),
        ("sensors = 3", ["sensors", "list"]),
    ],
)
def test_a_wrong_configuration_names_key_place_and_remedy(tmp_path, text, words):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert "\n" not in message
    assert [word for word in words if word not in message] == [], message


def test_a_wrong_variable_names_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match="AUDIOSENSE_AGENT_STATE_DIR"):
        load(tmp_path, "", AUDIOSENSE_AGENT_STATEDIR="/x")


@pytest.mark.parametrize(
    ("text", "variable", "value"),
    [
        ("collector = 5", "AUDIOSENSE_AGENT_COLLECTOR__TIMEOUT_S", "3"),
        (SENSOR + 'source = {type = "simulator"}', "SIM_INTERVAL_SECONDS", "0"),
        (SENSOR + 'source = {type = "simulator"}', "SIM_INTERVAL_SECONDS", "often"),
        (SENSOR + 'source = {type = "simulator"}', "SIM_ANOMALY_RATE", "7"),
    ],
)
def test_a_variable_with_a_wrong_value_is_named_or_what_it_would_go_into(tmp_path, text, variable, value):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, **{variable: value})
    assert variable in str(caught.value) or "[collector] table" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sensors_in_the_file_that_are_a_string_are_not_taken_for_the_variable(tmp_path):
    with pytest.raises(ConfigError, match=r"agent\.toml: sensors is a string; expected \[\[sensors\]\]"):
        load(tmp_path, 'sensors = "[]"')


def test_the_state_directory_may_stand_in_the_home_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load(tmp_path, 'state_dir = "~/state"').state_dir == tmp_path / "state"
    with pytest.raises(ConfigError, match="home directory is not known"):
        load(tmp_path, 'state_dir = "~no-such-user/state"')


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(ConfigError, match=r"example\.toml"):
        load_settings(tmp_path / "none.toml", {})


def test_an_unknown_sensor_is_named_with_the_nearest(tmp_path):
    settings = load(tmp_path, SENSOR + 'source = {type = "simulator"}')
    with pytest.raises(ConfigError, match="did you mean 'pump'"):
        settings.sensor("pumb")


def test_the_configuration_is_found_by_variable(tmp_path):
    assert default_config_path({"AUDIOSENSE_AGENT_CONFIG": str(tmp_path)}) == tmp_path


def test_a_current_directory_that_may_not_be_entered_has_no_configuration(tmp_path, monkeypatch):
    """As under ``sudo -u`` in somebody's home: the file in /etc is the one."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    home.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65_534)
    try:
        with pytest.raises(PermissionError):
            Path("audiosense-agent.toml").stat()
        assert default_config_path({}) == Path("/etc/audiosense/audiosense-agent.toml")
    finally:
        os.seteuid(user)
        home.chmod(0o700)


@given(st.text(max_size=200))
def test_no_text_raises_anything_but_a_config_error(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("config") / "agent.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(ConfigError):
        load_settings(path, {})
