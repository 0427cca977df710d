"""Analysing a recording over HTTP: good ones, every bad one, with and without a sensor's model."""

import uuid

import numpy as np
import pytest

from audiosense_collector.analyses import recording, upload
from audiosense_collector.clock import now_us
from audiosense_collector.models import service as models
from audiosense_collector.training.baseline import BaselineWindows
from audiosense_collector.training.build import SensorModel, build_bundle
from audiosense_collector.training.scorer import OnnxScorer
from audiosense_collector.training.settings import FitSettings
from audiosense_common.features import SCHEMA_ID, SCHEMAS, FeatureExtractor, column
from audiosense_common.reasons import Explainer

URL = "/api/v1/analyses"
UNUSABLE = {
    "text.wav": ("audio_unreadable", "is no audio that can be read; expected WAV, FLAC, OGG or MP3"),
    "empty.wav": ("audio_empty", "is empty (0 bytes)"),
    "truncated.wav": ("audio_damaged", "is truncated or damaged"),
    "truncated.flac": ("audio_damaged", "is truncated or damaged"),
    "truncated.ogg": ("audio_damaged", "is truncated or damaged"),
    "no-samples.wav": ("audio_empty", "holds 0 samples"),
    "nan.wav": ("audio_not_finite", "holds 1 NaN or infinite samples of 96000"),
}
REMARKABLE = {
    "8-bit.wav": ["8-bit"],
    "96-khz.wav": [],
    "silent.wav": ["silent"],
    "clipped.wav": ["clipped"],
    "short.wav": ["short"],
    "tone.wav": [],
}


async def _post(browser, name, content, **fields):
    return await browser.post(URL, files={"file": (name, content)}, data=fields)


def _is_problem(answer, status, field):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["errors"][0]["loc"] == field
    assert "\n" not in problem["detail"]
    return problem["detail"]


@pytest.mark.parametrize(("name", "why"), UNUSABLE.items())
async def test_a_file_that_cannot_be_used_is_refused_in_one_line(browser, sounds, name, why):
    answer = await _post(browser, name, sounds[name])
    kind, message = why
    assert answer.json()["type"] == kind
    detail = _is_problem(answer, 422, "file")
    assert detail.startswith(f"{name} ")
    assert message in detail


@pytest.mark.parametrize(("name", "codes"), REMARKABLE.items())
async def test_what_is_unusual_about_a_recording_is_a_warning(browser, sounds, name, codes):
    answer = await _post(browser, name, sounds[name])
    assert answer.status_code == 201, answer.text
    found = answer.json()
    assert [warning["code"] for warning in found["warnings"]] == codes
    assert all(name in warning["message"] for warning in found["warnings"])
    assert np.isfinite(found["features"]["values"]).all()


@pytest.mark.parametrize(
    ("name", "container", "tolerance_db"),
    [("tone.wav", "WAV", 0.05), ("tone.flac", "FLAC", 0.05), ("tone.ogg", "OGG", 0.5), ("tone.mp3", "MP3", 0.5)],
)
async def test_the_same_tone_is_measured_in_every_container(browser, sounds, name, container, tolerance_db):
    found = (await _post(browser, name, sounds[name])).json()
    assert found["format"]["container"] == container
    assert found["format"]["sample_rate_hz"] == found["sample_rate_hz"] == 16_000
    assert found["format"]["duration_s"] == pytest.approx(6, abs=0.2)
    assert found["summary"]["rms_dbfs"] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=tolerance_db)
    assert found["summary"]["dominant_khz"] == pytest.approx(1, abs=0.005)
    assert (found["model"], found["score"], found["anomalous"]) == (None, None, None)


async def test_features_are_those_of_the_extractor_for_each_window(browser, tone, as_file):
    samples = np.concatenate((tone(5), tone(5, hz=300), tone(2)))
    found = (await _post(browser, "two.wav", as_file(samples, subtype="FLOAT"))).json()
    assert (found["window_s"], found["start_s"]) == (5, [0, 5])
    assert found["features"]["names"] == list(SCHEMAS[SCHEMA_ID])
    extractor = FeatureExtractor(16_000)
    expected = [extractor.extract(samples[start : start + 80_000]) for start in (0, 80_000)]
    assert np.allclose(found["features"]["values"], np.array(expected, np.float64), atol=6e-4)


async def test_an_analysis_is_kept_and_can_be_read_again(browser, sounds):
    made = (await _post(browser, "tone.wav", sounds["tone.wav"])).json()
    assert (made["filename"], made["sensor_id"]) == ("tone.wav", None)
    assert (await browser.get(f"{URL}/{made['id']}")).json() == made
    assert (await browser.get(f"{URL}/{uuid.uuid4()}")).status_code == 404
    assert (await browser.get(f"{URL}/no-id")).status_code == 422


async def test_the_channel_is_chosen_by_the_form(browser, tone, as_file):
    stereo = as_file(np.column_stack((tone(hz=500), tone(hz=2_000))), subtype="PCM_16")
    for channel, khz in (("0", 0.5), ("1", 2)):
        found = (await _post(browser, "stereo.wav", stereo, channel=channel)).json()
        assert found["format"]["channel"] == int(channel)
        assert found["summary"]["dominant_khz"] == pytest.approx(khz, abs=0.005)
    assert "numbered from 0" in _is_problem(await _post(browser, "stereo.wav", stereo, channel="2"), 422, "channel")
    assert "channel is '-1'" in _is_problem(await _post(browser, "stereo.wav", stereo, channel="-1"), 422, "channel")


async def _train(runtime, sensor_id):
    baseline = BaselineWindows(
        features=np.random.default_rng(3).normal(0, 3, (60, len(SCHEMAS[SCHEMA_ID]))).astype(np.float16),
        schema_id=SCHEMA_ID,
        from_us=1,
        to_us=2,
    )
    sensor = SensorModel(sensor=sensor_id, version=1, sample_rate_hz=16_000, window_s=2.0)
    bundle = build_bundle(baseline, sensor, runtime.signing_key, created_us=now_us(), settings=FitSettings(trees=20))
    async with runtime.sessions.begin() as session:
        await models.store(session, bundle, bundle.pack())
    return bundle


async def test_a_sensors_model_scores_the_windows_that_its_agent_would_hear(  # noqa: PLR0917 - fixtures
    browser, runtime, make_agent, register, tone, as_file
):
    agent = await make_agent(register(machine=f"Pump {uuid.uuid4()}", window_s=2.0))
    (sensor,) = agent.sensors.values()
    samples = tone(6.5)
    before = (await _post(browser, "tone.wav", as_file(samples, subtype="FLOAT"), sensor=sensor)).json()
    assert [warning["code"] for warning in before["warnings"]] == ["no-model"]
    bundle = await _train(runtime, uuid.UUID(sensor))
    found = (await _post(browser, "tone.wav", as_file(samples, subtype="FLOAT"), sensor=sensor)).json()
    assert (found["window_s"], found["start_s"], found["sensor_id"]) == (2, [0, 2, 4], sensor)
    assert found["model"] == {"digest": bundle.digest, "threshold": bundle.manifest.threshold.value}
    extractor = FeatureExtractor(16_000)
    matrix = np.array([extractor.extract(samples[start : start + 32_000]) for start in (0, 32_000, 64_000)])
    columns = [column(SCHEMA_ID, need.name) for need in bundle.manifest.features]
    expected = OnnxScorer(bundle.model)(matrix[:, columns].astype(np.float32))
    assert found["score"] == pytest.approx(expected.tolist(), abs=1e-6)
    assert found["anomalous"] == (expected >= bundle.manifest.threshold.value).tolist()
    told = [Explainer.of(bundle.manifest).explain(vector) for vector in matrix]
    assert found["anomalous"] == [True] * 3
    assert found["reasons"] == [[reason.model_dump() for reason in reasons] for reasons in told]
    assert before["reasons"] is None


async def test_a_recording_of_another_rate_is_resampled_to_the_sensors(browser, make_agent, register, sounds):
    agent = await make_agent(register(machine=f"Pump {uuid.uuid4()}", name="top"), name="agent-2")
    answer = await _post(browser, "96-khz.wav", sounds["96-khz.wav"], sensor=agent.sensors["top"])
    found = answer.json()
    assert [warning["code"] for warning in found["warnings"]] == ["resampled", "no-model"]
    assert (found["format"]["sample_rate_hz"], found["sample_rate_hz"]) == (96_000, 16_000)
    assert found["summary"]["dominant_khz"] == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize("rate", [1, 999, 768_001])
@pytest.mark.parametrize("with_sensor", [True, False])
async def test_a_sample_rate_without_features_is_refused_in_one_line(  # noqa: PLR0917 - fixtures
    browser, make_agent, register, as_file, rate, with_sensor
):
    agent = await make_agent(register(machine=f"Pump {uuid.uuid4()}"))
    fields = {"sensor": next(iter(agent.sensors.values()))} if with_sensor else {}
    content = as_file(np.full(7_000, 0.1, np.float32), rate=rate, subtype="PCM_16")
    detail = _is_problem(await _post(browser, "odd.wav", content, **fields), 422, "file")
    assert detail == (
        f"odd.wav has a sample rate of {rate} Hz, expected 1000 to 768000 Hz; "
        "export it again at the rate at which it was recorded"
    )


async def test_a_window_shorter_than_a_sample_is_one_sample(browser, make_agent, register, as_file):
    agent = await make_agent(register(machine=f"Pump {uuid.uuid4()}", window_s=1e-5), name="hasty")
    sensor = next(iter(agent.sensors.values()))
    answer = await _post(browser, "a.wav", as_file(np.full(3, 0.1, np.float32), subtype="PCM_16"), sensor=sensor)
    assert (answer.status_code, len(answer.json()["start_s"])) == (201, 3)


@pytest.mark.parametrize("trained", [True, False])
async def test_a_recording_shorter_than_the_sensors_window_is_not_scored(  # noqa: PLR0917 - fixtures
    browser, runtime, make_agent, register, tone, as_file, trained
):
    agent = await make_agent(register(machine=f"Pump {uuid.uuid4()}", name="top", window_s=2.0))
    if trained:
        await _train(runtime, uuid.UUID(agent.sensors["top"]))
    answer = await _post(browser, "a.wav", as_file(tone(0.006), subtype="PCM_16"), sensor=agent.sensors["top"])
    detail = _is_problem(answer, 422, "file")
    assert detail == "a.wav lasts 0.006 s, shorter than one window of 2 s of sensor top; record longer"
    exact = await _post(browser, "b.wav", as_file(tone(2), subtype="PCM_16"), sensor=agent.sensors["top"])
    assert exact.json()["start_s"] == [0]
    resampled = as_file(tone(2, rate=44_100), rate=44_100, subtype="PCM_16")
    exact = await _post(browser, "c.wav", resampled, sensor=agent.sensors["top"])
    assert exact.json()["start_s"] == [0]


async def test_a_sensor_that_is_none_is_named(browser, sounds):
    tone = sounds["tone.wav"]
    assert "no sensor" in _is_problem(await _post(browser, "tone.wav", tone, sensor=str(uuid.uuid4())), 422, "sensor")
    assert "sensor is 'pump'" in _is_problem(await _post(browser, "tone.wav", tone, sensor="pump"), 422, "sensor")


async def test_a_request_without_a_file_is_refused(browser):
    assert "no file was sent" in _is_problem(await browser.post(URL), 422, "file")
    assert "no file 'file'" in _is_problem(await browser.post(URL, files={"sound": ("a.wav", b"x")}), 422, "file")
    headers = {"content-type": "multipart/form-data"}
    _is_problem(await browser.post(URL, content=b"--x", headers=headers), 422, "file")


@pytest.mark.parametrize("declared", [True, False])
async def test_an_upload_that_is_too_large_is_read_no_further_than_the_limit(browser, monkeypatch, declared):
    monkeypatch.setattr(upload, "MAX_UPLOAD_BYTES", 2**20)
    sent = 0

    async def body():
        nonlocal sent
        head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        for part in (head, *[bytes(2**16)] * 400):
            sent += len(part)
            yield part

    headers = {"content-type": "multipart/form-data; boundary=x"}
    if declared:
        headers["content-length"] = str(400 * 2**16)
    answer = await browser.post(URL, content=body(), headers=headers)
    assert "larger than 1 MiB" in _is_problem(answer, 413, "file")
    assert sent <= 2**20 + upload._OVERHEAD_BYTES + 2**17


async def test_what_decodes_to_too_much_is_refused_before_it_fills_memory(browser, as_file, monkeypatch):
    monkeypatch.setattr(recording, "MAX_DECODED_BYTES", 2**20)
    bomb = as_file(np.zeros((500_000, 2), np.int16), container="FLAC")
    assert len(bomb) < 2**18
    assert "at most 8 s are decoded at once" in _is_problem(await _post(browser, "long.flac", bomb), 422, "file")


async def test_a_recording_of_too_many_windows_is_refused(browser, sounds, monkeypatch):
    monkeypatch.setattr(recording, "MAX_WINDOWS", 0)
    assert "cut it into parts" in _is_problem(await _post(browser, "tone.wav", sounds["tone.wav"]), 422, "file")


async def test_a_strange_filename_is_kept_printable(browser, sounds):
    found = (await _post(browser, "a\u202eb" + "x" * 400 + ".wav", sounds["tone.wav"])).json()
    assert found["filename"].endswith("x.wav")
    assert len(found["filename"]) == 255
    assert "\u202e" not in found["filename"]
