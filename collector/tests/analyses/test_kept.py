"""What is kept of analyses: lists, spectrograms, scores of other models, and how they go."""

import base64
import uuid

import numpy as np
import pytest
from sqlalchemy import update

from audiosense_collector.analyses import picture
from audiosense_collector.analyses.tables import Analysis
from audiosense_collector.auth.roles import Role
from audiosense_collector.clock import DAY_US, now_us
from audiosense_collector.models import service as models
from audiosense_collector.storage import retention
from audiosense_collector.training.baseline import BaselineWindows
from audiosense_collector.training.build import SensorModel, build_bundle
from audiosense_collector.training.settings import FitSettings
from audiosense_common.features import SCHEMA_ID, SCHEMAS

URL = "/api/v1/analyses"


async def _post(browser, name, content, **fields):
    answer = await browser.post(URL, files={"file": (name, content)}, data=fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def _train(runtime, sensor, *, spread=3.0):
    random = np.random.default_rng(3)
    features = random.normal(0, spread, (60, len(SCHEMAS[SCHEMA_ID]))).astype(np.float16)
    baseline = BaselineWindows(features=features, schema_id=SCHEMA_ID, from_us=1, to_us=2)
    made = SensorModel(sensor=uuid.UUID(sensor), version=1, sample_rate_hz=16_000, window_s=2.0)
    settings = FitSettings(trees=20)
    bundle = build_bundle(baseline, made, runtime.signing_key, created_us=now_us(), settings=settings)
    async with runtime.sessions.begin() as session:
        await models.store(session, bundle, bundle.pack())
    return bundle


@pytest.fixture
async def make_sensor(make_agent, register):
    async def make(**options):
        agent = await make_agent(register(machine=f"Pump {uuid.uuid4()}", **options), name=str(uuid.uuid4()))
        return next(iter(agent.sensors.values()))

    return make


async def test_the_list_has_the_newest_first_page_by_page(browser, operator, sounds, make_sensor):
    sensor = await make_sensor(window_s=2.0)
    made = [
        await _post(who, f"{index}.wav", sounds["tone.wav"], sensor=sensor)
        for index, who in enumerate((browser, operator, browser))
    ]
    await _post(browser, "other.wav", sounds["silent.wav"])
    seen, before = [], None
    while len(seen) < 3:
        query = {"sensor": sensor, "limit": 2} | ({"before": before} if before else {})
        page = (await operator.get(URL, params=query)).json()
        seen += page["items"]
        before = page["next"]
    assert before is None
    assert [each["id"] for each in seen] == [each["id"] for each in reversed(made)]
    assert [each["filename"] for each in seen] == ["2.wav", "1.wav", "0.wav"]
    assert [each["author"] for each in seen] == [browser.user, operator.user, browser.user]
    assert [each["yours"] for each in seen] == [False, True, False]
    assert {each["sensor"]["id"] for each in seen} == {sensor}
    assert [(each["windows"], each["duration_s"], each["anomalous"]) for each in seen] == [(3, 6, None)] * 3
    assert seen[0]["warnings"] == ["no-model"]
    newest = (await browser.get(URL, params={"limit": 1})).json()["items"][0]
    assert (newest["filename"], newest["sensor"], newest["warnings"]) == ("other.wav", None, ["silent"])
    assert (await browser.get(URL, params={"before": "nonsense"})).status_code == 422


async def test_what_the_release_before_stored_is_listed_and_shown(browser, runtime, sounds, make_sensor):
    sensor = await make_sensor(window_s=2.0)
    await _train(runtime, sensor)
    made = await _post(browser, "tone.wav", sounds["tone.wav"], sensor=sensor)
    (listed,) = (await browser.get(URL, params={"sensor": sensor})).json()["items"]
    fresh = (await browser.get(f"{URL}/{made['id']}/scores", params={"sensor": sensor})).json()["items"][0]
    new_columns = dict.fromkeys(("author", "brief", "matrix", "picture", "picture_scale"))
    async with runtime.sessions.begin() as session:
        await session.execute(update(Analysis).where(Analysis.id == uuid.UUID(made["id"])).values(new_columns))
    (old,) = (await browser.get(URL, params={"sensor": sensor})).json()["items"]
    assert old == listed | {"author": None}
    assert listed["anomalous"] == 3
    assert (await browser.get(f"{URL}/{made['id']}")).json() == made | {"author": None, "has_spectrogram": False}
    answer = await browser.get(f"{URL}/{made['id']}/spectrogram")
    assert (answer.status_code, "analyse the recording again" in answer.json()["detail"]) == (404, True)
    again = (await browser.get(f"{URL}/{made['id']}/scores", params={"sensor": sensor})).json()["items"][0]
    assert again["score"] == pytest.approx(fresh["score"], abs=0.01)


async def test_the_spectrogram_shows_the_tone_where_and_when_it_sounded(operator, viewer, tone, as_file):
    silence = np.zeros(3 * 16_000, np.float32)
    content = as_file(np.concatenate((tone(3, hz=1_000, level=0.5), silence)), subtype="FLOAT")
    made = await _post(operator, "tone.wav", content)
    answer = await operator.get(f"{URL}/{made['id']}/spectrogram")
    found = answer.json()
    columns, rows = found["shape"]
    assert columns <= picture.MAX_COLUMNS
    assert rows <= picture.MAX_ROWS
    assert rows == len(found["centre_hz"])
    levels = np.frombuffer(base64.b64decode(found["data"]), np.uint8).reshape(columns, rows)
    heard = found["low_db"] + levels / 255 * (found["high_db"] - found["low_db"])
    assert found["centre_hz"][int(heard[columns // 4].argmax())] == pytest.approx(1_000, rel=0.03)
    assert heard[columns // 4].max() == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.6)
    assert (levels[columns * 3 // 4] == 0).all()
    assert (found["duration_s"], found["sample_rate_hz"]) == (6, 16_000)
    kept = {"If-None-Match": answer.headers["etag"]}
    assert (await operator.get(f"{URL}/{made['id']}/spectrogram", headers=kept)).status_code == 304
    assert (await viewer.get(f"{URL}/{made['id']}/spectrogram")).status_code == 403
    assert (await viewer.get(f"{URL}/{made['id']}")).json()["has_spectrogram"] is True


@pytest.mark.parametrize("rate", [1_000, 16_000, 48_000, 768_000])
@pytest.mark.parametrize("seconds", [0.003, 5.0])
def test_a_picture_is_bounded_at_any_rate_and_length(rate, seconds):
    drawn = picture.draw(np.full(max(1, round(seconds * rate)), 0.1, np.float32), rate)
    columns, rows = drawn.levels.shape
    assert 1 <= columns <= picture.MAX_COLUMNS
    assert 1 <= rows <= picture.MAX_ROWS
    assert rows == len(drawn.centre_hz)


def test_a_knock_in_a_long_recording_is_seen():
    rate = 8_000
    samples = np.zeros(600 * rate, np.float32)
    samples[300 * rate : 300 * rate + 200] = 0.5
    drawn = picture.draw(samples, rate)
    assert len(drawn.levels) == picture.MAX_COLUMNS
    loud = np.flatnonzero(drawn.levels.max(axis=1) > 200)
    assert loud.size
    assert np.abs(loud - 500).max() <= 1


async def test_a_stored_analysis_is_scored_with_other_models_as_if_it_were_sent_again(
    browser, viewer, runtime, make_sensor, sounds
):
    first, second = await make_sensor(window_s=2.0), await make_sensor(window_s=2.0)
    own = await _train(runtime, first)
    other = await _train(runtime, second, spread=60.0)
    made = await _post(browser, "tone.wav", sounds["tone.wav"], sensor=first)
    sent_again = await _post(browser, "tone.wav", sounds["tone.wav"], sensor=second)
    answer = await viewer.get(f"{URL}/{made['id']}/scores", params={"sensor": [second, first, second]})
    found = answer.json()["items"]
    assert [each["sensor_id"] for each in found] == [second, first]
    for each, expected, bundle in zip(found, (sent_again, made), (other, own), strict=True):
        assert each["refused"] is None
        assert each["model"] == {"digest": bundle.digest, "threshold": bundle.manifest.threshold.value}
        assert each["score"] == expected["score"]
        assert each["anomalous"] == expected["anomalous"]
        assert each["reasons"] == expected["reasons"]
        assert each["median"] == pytest.approx(float(np.median(expected["score"])), abs=1e-6)
    assert made["score"] != sent_again["score"]
    listed = (await browser.get(URL, params={"sensor": first})).json()["items"][0]
    assert (listed["anomalous"], listed["highest"]) == (sum(made["anomalous"]), max(made["score"]))
    every = (await viewer.get(f"{URL}/{made['id']}/scores")).json()
    assert {first, second} <= {each["sensor_id"] for each in every["items"]}
    assert all(each["refused"] is None for each in every["items"])
    assert every["left_out"] == 0


async def test_a_model_that_cannot_judge_a_recording_says_why(browser, runtime, make_sensor, tone, as_file):
    able, untrained, longer = [await make_sensor(window_s=window) for window in (2.0, 2.0, 5.0)]
    faster = await make_sensor(window_s=2.0, sample_rate_hz=48_000)
    for sensor in (able, longer, faster):
        await _train(runtime, sensor)
    made = await _post(browser, "tone.wav", as_file(tone(6), subtype="PCM_16"), sensor=able)
    asked = {"sensor": [able, untrained, longer, faster]}
    found = (await browser.get(f"{URL}/{made['id']}/scores", params=asked)).json()["items"]
    assert [each["refused"] for each in found] == [None, "no-model", "window", "rate"]
    assert [each["score"] for each in found[1:]] == [None] * 3
    assert (found[2]["window_s"], found[3]["sample_rate_hz"]) == (5, 48_000)
    short = await _post(browser, "short.wav", as_file(tone(1), subtype="PCM_16"))
    found = (await browser.get(f"{URL}/{short['id']}/scores", params={"sensor": longer})).json()["items"]
    assert found[0]["refused"] == "short"
    unknown = await browser.get(f"{URL}/{made['id']}/scores", params={"sensor": str(uuid.uuid4())})
    assert (unknown.status_code, unknown.json()["errors"][0]["loc"]) == (422, "sensor")
    many = {"sensor": [str(uuid.uuid4()) for _ in range(51)]}
    assert (await browser.get(f"{URL}/{made['id']}/scores", params=many)).status_code == 422


async def test_what_a_browser_decoded_says_so(browser, sounds):
    kept = await _post(browser, "a.m4a", sounds["tone.wav"], decoded_from="M4A", decoded_rate_hz="16000")
    assert kept["warnings"][0] == {
        "code": "decoded",
        "message": "a.m4a is M4A, which the browser decoded at its own 16000 Hz",
    }
    moved = await _post(browser, "a.m4a", sounds["tone.wav"], decoded_from="M4A", decoded_rate_hz="44100")
    assert moved["warnings"][0]["code"] == "decoded-resampled"
    assert "at 16000 Hz; its own rate is 44100 Hz" in moved["warnings"][0]["message"]
    unknown = await _post(browser, "a.m4a", sounds["tone.wav"], decoded_from="M4A")
    assert "its own rate is unknown" in unknown["warnings"][0]["message"]
    for bad in ({"decoded_from": "x" * 21}, {"decoded_from": "M4A", "decoded_rate_hz": "fast"}):
        answer = await browser.post(URL, files={"file": ("a.m4a", sounds["tone.wav"])}, data=bad)
        assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, list(bad)[-1])


async def test_only_its_maker_or_an_administrator_deletes_an_analysis(browser, open_browser, sounds):
    maker, other = await open_browser(Role.OPERATOR), await open_browser(Role.OPERATOR)
    made = [await _post(maker, "tone.wav", sounds["tone.wav"]) for _ in range(2)]
    refused = await other.delete(f"{URL}/{made[0]['id']}")
    assert (refused.status_code, refused.json()["type"]) == (403, "not_yours")
    assert maker.user in refused.json()["detail"]
    assert (await maker.delete(f"{URL}/{made[0]['id']}")).status_code == 204
    assert (await browser.delete(f"{URL}/{made[1]['id']}")).status_code == 204
    for each in made:
        assert (await maker.get(f"{URL}/{each['id']}")).status_code == 404
    entries = (await browser.get("/api/v1/audit", params={"limit": 50})).json()["items"]
    logged = {entry["subject_id"]: entry for entry in entries if entry["action"] == "delete_analysis"}
    assert logged[made[0]["id"]]["actor"] == maker.user
    assert logged[made[1]["id"]]["before"]["filename"] == "tone.wav"


async def test_old_analyses_go_by_the_clock(browser, runtime, sounds):
    old, young = [await _post(browser, "tone.wav", sounds["tone.wav"]) for _ in range(2)]
    age = now_us() - (runtime.settings.analysis_retention_days * DAY_US + DAY_US)
    async with runtime.sessions.begin() as session:
        await session.execute(update(Analysis).where(Analysis.id == uuid.UUID(old["id"])).values(created=age))
    assert (await retention.preview(runtime)).analyses == 1
    assert (await retention.apply(runtime)).analyses == 1
    assert (await browser.get(f"{URL}/{old['id']}")).status_code == 404
    assert (await browser.get(f"{URL}/{young['id']}")).status_code == 200
