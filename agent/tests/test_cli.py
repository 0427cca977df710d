"""The command line: results on stdout, errors in one line on stderr, exit codes."""

import io
import json
import os
import shlex
import subprocess
import sys
from uuid import UUID

import numpy as np
import pytest
import soundfile
from agent_testing.bundles import KEY, make_bundle

from audiosense_agent.cli import main
from audiosense_agent.config import load_settings
from audiosense_agent.model_store import ModelStore
from audiosense_common.audio import read_recording
from audiosense_common.errors import AudioError
from audiosense_common.features import FeatureExtractor


@pytest.fixture
def agent(tmp_path, capsys, monkeypatch):
    config = tmp_path / "agent.toml"
    config.write_text(
        f'name = "test"\nstate_dir = "{tmp_path}/state"\n[collector]\nbatch_interval_s = 0.1\n'
        '[[sensors]]\nname = "pump"\nmachine = "m"\nsample_rate_hz = 8000\nwindow_s = 0.5\n'
        'source = {type = "simulator", history_s = 100}\n'
    )

    monkeypatch.setenv("AUDIOSENSE_AGENT_CONFIG", str(config))

    def run(*arguments, code=0):
        """Run a command in this process, which saves the interpreter's start."""
        monkeypatch.setattr(sys, "argv", ["audiosense-agent", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert (end.value.code or 0) == code, (out, err)
        if code == 1 and not out:
            assert err.startswith("error: ")
            assert err.count("\n") == 1
        return err if code else out

    run.config = config
    run.folder = tmp_path
    return run


def test_version_and_usage(agent):
    assert agent("--version").startswith("audiosense-agent 0.")
    agent("nonsense", code=2)


def test_enrol_run_status_in_order(agent, collector, monkeypatch):
    assert "enrolled with https://127.0.0.1" in agent("enroll", collector.key())
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "audiosense_agent", "run", "--stop-after", "8", "--quiet"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == ""
    assert len(collector.stored) == 8
    found = json.loads(agent("status", "--json"))
    assert found["spool"]["rows"] == 0
    assert found["sensors"]["pump"]["status"] == "learning"
    assert found["last_answer_us"] > 0
    assert "learning, no score, no model yet" in agent("status")
    assert "enrolled already" in agent("enroll", collector.key(), code=1)
    agent("enroll", "--force", collector.key())
    # From standard input the key is in no list of processes.
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{collector.key()}\n"))
    assert "enrolled with https://127.0.0.1" in agent("enroll", "--force", "-")


def test_a_damaged_identity_is_told_and_replaced_by_enrolling_again(agent, collector):
    state = agent.folder / "state"
    state.mkdir()
    (state / "identity.json").write_text("{}")
    told = agent("status")
    assert "identity.json is damaged; enrol the agent again: audiosense-agent enroll KEY" in told
    assert "sensor pump: nothing heard" in told
    assert "checks: none yet" in told
    found = json.loads(agent("status", "--json"))
    assert (found["agent"], "is damaged" in found["enrolment_problem"]) == (None, True)
    agent("enroll", collector.key())
    assert json.loads(agent("status", "--json"))["agent"] == str(collector.agent)
    assert json.loads(agent("check", "--json"))["enrolled"] is True


def test_enrolment_errors_are_one_line_with_the_remedy(agent, collector):
    collector.refuse_enrolment = "this enrolment key is used up"
    assert "used up" in agent("enroll", collector.key(), code=1)
    assert "no enrolment key" in agent("enroll", "nonsense", code=1)
    assert "names " in agent("enroll", collector.key(trust="0" * 64), code=1)


def test_check_opens_each_source(agent):
    found = agent("check")
    assert "sensor pump: ok: simulated pump" in found
    assert json.loads(agent("check", "--json"))["ok"]
    text = agent.config.read_text().replace('type = "simulator", history_s = 100', 'type = "recording", path = "/none"')
    agent.config.write_text(text)
    agent("check", code=1)


def test_check_notes_what_is_unusual_about_a_recording(agent):
    path = agent.folder / "x.wav"
    soundfile.write(path, np.zeros(192_000), 96_000, subtype="PCM_U8")
    source = f'type = "recording", path = "{path}"'
    agent.config.write_text(agent.config.read_text().replace('type = "simulator", history_s = 100', source))
    lines = agent("check").splitlines()[2:]
    assert lines[0] == "sensor pump: ok: 1 file(s), 4 windows, 96 kHz, resampled to 8 kHz"
    assert [line.split(":")[0] for line in lines[1:]] == ["note", "note"]
    assert "has 8 bits per sample" in lines[1]
    assert "is silent" in lines[2]
    found = json.loads(agent("check", "--json"))
    assert found["ok"]
    assert len(found["sensors"]["pump"]["notes"]) == 2


def test_a_wrong_key_is_named(agent):
    agent.config.write_text("nam = 1")
    assert "did you mean 'name'" in agent("run", code=1)


def test_a_state_directory_that_cannot_be_made_is_named(agent):
    (agent.folder / "state").write_text("a file")
    assert "state" in agent("run", "--stop-after", 1, code=1)


def test_a_rendered_fault_is_analysed(agent):
    path = agent.folder / "x.wav"
    assert "bearing_outer" in agent("simulate", "render", "-o", path, "--fault", "bearing_outer", "--seconds", 2)
    found = json.loads(agent("analyze", path, "--window", 0.5, "--json"))
    assert [row["start_s"] for row in found["windows"]] == [0, 0.5, 1, 1.5]
    extractor = FeatureExtractor(16_000)
    expected = extractor.extract(read_recording(path).channel(0)[:8_000])
    assert list(found["windows"][0]["features"].values()) == expected.astype(float).tolist()
    assert "rms_dbfs" in agent("analyze", path)
    assert "no fault 'x'" in agent("simulate", "render", "-o", path, "--fault", "x", code=1)


def test_a_recording_is_scored_with_a_bundle_and_with_a_sensors_model(agent, collector):
    collector.signing_keys = KEY.public_keys()
    agent("enroll", collector.key())
    sensor_id = collector.registered["pump"]
    bundle = make_bundle(sensor_id)
    path = agent.folder / "m.bundle"
    path.write_bytes(bundle.pack())
    sound = agent.folder / "x.wav"
    agent("simulate", "render", "-o", sound, "--sample-rate", 8_000, "--fault", "bearing_outer", "--seconds", 2)
    by_bundle = json.loads(agent("analyze", sound, "--bundle", path, "--json"))
    assert by_bundle["model"] == bundle.digest
    assert {row["status"] for row in by_bundle["windows"]} == {"anomalous"}
    assert all({reason["key"] for reason in row["reasons"]} for row in by_bundle["windows"])
    assert "why: " in agent("analyze", sound, "--bundle", path)
    assert "no model yet" in agent("analyze", sound, "--sensor", "pump", code=1)
    settings = load_settings(agent.config, {})
    ModelStore(settings.state_dir / "models").install(
        settings.sensor("pump"), sensor_id, bundle.pack(), KEY.public_keys(), None
    )
    assert json.loads(agent("analyze", sound, "--sensor", "pump", "--json"))["windows"] == by_bundle["windows"]
    assert "anomalous" in agent("analyze", sound, "--sensor", "pump")


def test_a_bundle_needs_a_key_that_is_known(agent):
    path = agent.folder / "m.bundle"
    path.write_bytes(make_bundle(UUID(int=1)).pack())
    sound = agent.folder / "x.wav"
    agent("simulate", "render", "-o", sound, "--seconds", 1)
    assert "--signing-key" in agent("analyze", sound, "--bundle", path, code=1)
    ((key, value),) = KEY.public_keys().items()
    agent("analyze", sound, "--bundle", path, "--signing-key", f"{key}={value}")
    assert "expected ID=HEX" in agent("analyze", sound, "--bundle", path, "--signing-key", "x", code=1)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.wav", None, "none.wav"),
        ("empty.wav", b"", "empty"),
        ("text.wav", b"hello world" * 100, "no audio"),
    ],
)
def test_files_that_are_no_sound_are_named(agent, name, content, words):
    path = agent.folder / name
    if content is not None:
        path.write_bytes(content)
    assert words in agent("analyze", path, code=1)


def damaged_mp3(path):
    """Write an MP3 that has a hole and no end, of which its decoder has much to say."""
    buffer = io.BytesIO()
    soundfile.write(buffer, 0.5 * np.sin(np.arange(96_000) * 0.17), 16_000, format="MP3")
    whole = buffer.getvalue()
    path.write_bytes(whole[: len(whole) // 3] + whole[len(whole) // 3 + 999 : -1_000])
    return path


def test_a_damaged_mp3_is_one_line_and_nothing_of_its_decoders(agent):
    path = damaged_mp3(agent.folder / "x.mp3")
    source = f'type = "recording", path = "{path}"'
    agent.config.write_text(agent.config.read_text().replace('type = "simulator", history_s = 100', source))
    with pytest.raises(AudioError, match=r"x\.mp3 is truncated or damaged") as caught:
        read_recording(path)
    decode = f"from audiosense_common.audio import read_recording; read_recording({str(path)!r})"

    def run(*arguments, redirect=""):
        command = f"exec {shlex.join([sys.executable, *arguments])} {redirect}"
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(command, shell=True, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        return done

    assert "Xing stream size" in run("-c", decode).stderr
    assert run("-m", "audiosense_agent", "analyze", str(path)).stderr == f"error: {caught.value}\n"
    words = f"none of 1 recording(s) gives sound, the first because: {caught.value}\n"
    check = run("-m", "audiosense_agent", "check")
    assert (check.stderr, check.stdout.endswith(words)) == ("", True)
    assert run("-m", "audiosense_agent", "check", redirect="2>&-").stdout == check.stdout


def test_odd_recordings_are_analysed_with_notes(agent):
    path = agent.folder / "x.wav"
    soundfile.write(path, np.zeros(4_000), 96_000, subtype="PCM_U8")
    found = json.loads(agent("analyze", path, "--json"))
    assert len(found["findings"]) == 3
    assert len(found["windows"]) == 1
    assert "channel 4" in agent("analyze", path, "--channel", 4, code=1)


def test_faults_are_injected_into_what_can_take_them(agent):
    assert "grows" in agent("simulate", "inject", "--sensor", "pump", "--ramp", 5)
    assert "bearing_outer" in (agent.folder / "state" / "injections.json").read_text()
    assert "ended" in agent("simulate", "inject", "--sensor", "pump", "--clear")
    assert "did you mean 'pump'" in agent("simulate", "inject", "--sensor", "pum", code=1)
    assert "no fault" in agent("simulate", "inject", "--sensor", "pump", "--fault", "x", code=1)
    agent.config.write_text(
        f'state_dir = "{agent.folder}/state"\n[[sensors]]\nname = "mic"\nmachine = "m"\n'
        'source = {type = "microphone"}\n'
        '[[sensors]]\nname = "rec"\nmachine = "m"\nsource = {type = "recording", path = "x.wav"}\n'
    )
    assert "microphone" in agent("simulate", "inject", "--sensor", "mic", code=1)
    assert "--path" in agent("simulate", "inject", "--sensor", "rec", code=1)
    assert "no recording" in agent("simulate", "inject", "--sensor", "rec", "--path", "/none", code=1)


def test_an_injection_that_a_sensor_cannot_take_is_refused_and_nothing_injected(agent):
    soundfile.write(agent.folder / "x.wav", np.zeros(8_000), 8_000)
    with agent.config.open("a") as file:
        file.write('[[sensors]]\nname = "rec"\nmachine = "m"\nsource = {type = "recording", path = "x.wav"}\n')
    inject = ("simulate", "inject", "--sensor")
    error = agent(*inject, "pump", "--path", agent.folder / "x.wav", code=1)
    assert "sensor 'pump' is simulated" in error
    assert "--fault" in error
    for option, value in (("--fault", "bearing_outer"), ("--ramp", 0), ("--severity", 0.5)):
        error = agent(*inject, "rec", "--path", agent.folder / "x.wav", option, value, code=1)
        assert f"replays recordings, {option} is for simulated ones" in error
    assert "'rec' replays recordings, --fault" in agent(*inject, "rec", "--fault", "bearing_outer", code=1)
    assert not (agent.folder / "state" / "injections.json").exists()
    assert "replays" in agent(*inject, "rec", "--path", agent.folder / "x.wav")
    assert "bearing_outer grows to severity 1 within 0 s" in agent(*inject, "pump")
    assert "to severity 0 within 2 s" in agent(*inject, "pump", "--severity", 0, "--ramp", 2)


def test_a_simulated_machine_is_stopped_and_started_and_keeps_its_fault(agent):
    injections = agent.folder / "state" / "injections.json"
    agent("simulate", "inject", "--sensor", "pump", "--fault", "cavitation")
    assert "stops within 8 s" in agent("simulate", "stop", "--sensor", "pump", "--ramp", 8)
    stopped = json.loads(injections.read_text())["pump"]
    assert (stopped["at_rest"], stopped["run_s"], stopped["fault"]) == (True, 8.0, "cavitation")
    agent("simulate", "inject", "--sensor", "pump", "--fault", "air_leak")
    assert json.loads(injections.read_text())["pump"]["at_rest"]
    assert "runs within 5 s" in agent("simulate", "start", "--sensor", "pump")
    started = json.loads(injections.read_text())["pump"]
    assert (started["at_rest"], started["fault"]) == (False, "air_leak")
    with agent.config.open("a") as file:
        file.write('[[sensors]]\nname = "rec"\nmachine = "m"\nsource = {type = "recording", path = "x.wav"}\n')
    assert "not simulated" in agent("simulate", "stop", "--sensor", "rec", code=1)
