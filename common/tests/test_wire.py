import base64
import json
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError

from audiosense_common import wire, wire_enrolment

DIGEST = "ab" * 32


def columns(count=3, **changes):
    matrix = np.arange(4 * count, dtype=np.float16).reshape(count, 4)
    fields = {
        "sensor": UUID(int=1),
        "seq": list(range(count)),
        "time_us": [1_700_000_000_000_000 + i for i in range(count)],
        "score": [0.4] * count,
        "status": ["normal"] * count,
        "models": [DIGEST],
        "model": [0] * count,
        "level_dbfs": [-30.0] * count,
        "dominant_hz": [100.0] * count,
        "features": wire.FeatureMatrix.pack("audiosense-1", matrix),
    }
    return {**fields, **changes}


def batch(**changes):
    return wire.Batch(agent=UUID(int=2), epoch=UUID(int=3), sent_us=5, **changes)


FLOAT16 = arrays(
    np.float16,
    st.tuples(st.integers(1, 20), st.integers(1, 12)),
    elements=st.floats(width=16, allow_nan=False, allow_infinity=False),
)


@given(FLOAT16)
def test_a_feature_matrix_comes_back_bit_for_bit(matrix):
    packed = wire.FeatureMatrix.pack("audiosense-1", matrix)
    received = wire.FeatureMatrix.model_validate_json(packed.model_dump_json(by_alias=True))
    assert received.unpack().tobytes() == matrix.tobytes()
    assert json.loads(packed.model_dump_json(by_alias=True))["schema"] == "audiosense-1"


@pytest.mark.parametrize(
    ("shape", "data", "message"),
    [
        ((1, 2), "***", "is no base64"),
        ((1, 2), base64.b64encode(bytes(6)).decode(), "holds 6 bytes, its shape .* needs 4"),
        ((2, 2), base64.b64encode(np.array([0, 1, 2, np.nan], "<f2").tobytes()).decode(), "NaN or infinity in row 1"),
    ],
)
def test_a_damaged_feature_matrix_is_named(shape, data, message):
    with pytest.raises(ValueError, match=message):
        wire.FeatureMatrix(schema_id="audiosense-1", shape=shape, data=data).unpack()


def test_a_batch_comes_back_as_it_was():
    event = wire.Event(
        id=UUID(int=9),
        sensor=UUID(int=1),
        revision=2,
        state="update",
        start_us=1,
        end_us=3,
        peak_us=2,
        peak_score=0.9,
        threshold=0.6,
        windows=4,
        model=DIGEST,
    )
    sent = batch(
        token="t",
        sensors=[wire.SensorColumns(**columns())],
        events=[event],
        running={UUID(int=1): wire.RunningModel(digest=DIGEST, version=3)},
        heartbeat=wire.Heartbeat(version="0.1.0", sources={UUID(int=1): "ok"}),
    )
    assert wire.Batch.model_validate_json(sent.model_dump_json(by_alias=True)) == sent


def test_an_empty_batch_is_a_heartbeat():
    assert wire.Batch.model_validate_json(batch().model_dump_json()).sensors == []


def test_keys_of_a_later_release_are_ignored():
    content = json.loads(batch().model_dump_json()) | {"novelty": {"a": 1}}
    assert wire.Batch.model_validate(content) == batch()


@pytest.mark.parametrize("name", ["time_us", "score", "status", "model", "level_dbfs", "dominant_hz"])
def test_a_ragged_column_is_named(name):
    with pytest.raises(ValidationError, match=f"column {name} holds 2 entries, seq holds 3") as caught:
        batch(sensors=[columns(), columns(**{name: columns()[name][:2]})])
    assert [error["loc"] for error in caught.value.errors()] == [("sensors", 1, name)]


def test_a_feature_matrix_of_another_height_is_refused():
    with pytest.raises(ValidationError, match="features holds 2 rows, seq holds 3") as caught:
        wire.SensorColumns(**columns(features=columns(2)["features"]))
    assert [error["loc"] for error in caught.value.errors()] == [("features", "shape")]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seq": [1, 1, 2]}, "holds a number twice"),
        ({"model": [0, None, 1]}, "points at entry 1, models holds 1"),
        ({"model": [0, None, -1]}, "greater than or equal to 0"),
        ({"score": [0.1, None, 1.01]}, "less than or equal to 1"),
        ({"score": [0.1, float("nan"), 0.2]}, "finite"),
        ({"level_dbfs": [0.0, float("-inf"), 0.0]}, "finite"),
        ({"status": ["normal", "odd", "normal"]}, "status.1"),
        ({"time_us": [0, -1, 2]}, "time_us.1"),
        ({"models": ["AB" * 32]}, "models.0"),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_place(changes, message):
    with pytest.raises(ValidationError, match=message):
        wire.SensorColumns(**columns(**changes))


def test_windows_without_a_model_have_neither_score_nor_model():
    learning = wire.SensorColumns(**columns(score=[None] * 3, model=[None] * 3, models=[], status=["learning"] * 3))
    assert learning.score == [None] * 3


def test_too_many_measurements_in_one_batch_are_refused():
    half = wire.SensorColumns(**columns(wire.MAX_MEASUREMENTS // 2 + 1))
    assert len(batch(sensors=[half]).sensors[0].seq) == wire.MAX_MEASUREMENTS // 2 + 1
    with pytest.raises(ValidationError, match=f"at most {wire.MAX_MEASUREMENTS} are taken"):
        batch(sensors=[half, half])


def test_sensor_names_are_unique_within_an_agent():
    sensor = {
        "name": "drive end",
        "machine": "Pump 1",
        "sample_rate_hz": 16_000,
        "window_s": 5,
        "schema": "audiosense-1",
        "source": "microphone",
    }
    request = wire_enrolment.EnrolmentRequest(secret="s", name="a", version="0.1.0", sensors=[sensor])
    assert request.sensors[0].schema_id == "audiosense-1"
    assert request.sensors[0].site == "Default site"
    with pytest.raises(ValidationError, match="'drive end' stands more than once"):
        wire_enrolment.EnrolmentRequest(secret="s", name="a", version="0.1.0", sensors=[sensor, sensor])


def test_an_answer_and_an_enrolment_come_back_as_they_were():
    answer = wire.Answer(
        server_time_us=1, token="n", stored=2, repeated=1, desired={UUID(int=1): {"digest": DIGEST, "version": 4}}
    )
    enrolled = wire_enrolment.Enrolled(
        sensors={"drive end": UUID(int=1)},
        agent=UUID(int=2),
        credential="c",
        trust=wire_enrolment.Trust(ca_pem=None, signing_keys={"main": "00" * 32}),
    )
    for message in (answer, enrolled):
        assert type(message).model_validate_json(message.model_dump_json()) == message


REASON = {"key": "level", "feature": "rms_dbfs", "value": -20, "normal": -30, "unit": "dBFS", "deviation": 12}
BAND = {"key": "band", "low_hz": 1, "high_hz": 2, "value": 3, "normal": 1, "unit": "dB", "deviation": -4}


def test_reasons_are_sparse_and_come_back_as_they_were():
    sent = wire.SensorColumns(**columns(reasons={"1": [REASON, BAND], "2": []}))
    received = wire.SensorColumns.model_validate_json(sent.model_dump_json(by_alias=True))
    assert received == sent
    assert received.reasons[1][1].low_hz == 1
    assert received.reasons[2] == []
    assert wire.SensorColumns(**columns()).reasons == {}


@pytest.mark.parametrize(
    ("reasons", "place"),
    [
        ({3: [REASON]}, ("reasons", "3")),
        ({-1: [REASON]}, ("reasons", "-1", "[key]")),
        ({0: [REASON] * 9}, ("reasons", "0")),
        ({0: [REASON | {"value": float("nan")}]}, ("reasons", "0", 0, "value")),
        ({0: [REASON | {"deviation": 1e10}]}, ("reasons", "0", 0, "deviation")),
        ({0: [REASON | {"key": "Level"}]}, ("reasons", "0", 0, "key")),
        ({0: [REASON | {"feature": "f" * 61}]}, ("reasons", "0", 0, "feature")),
        ({0: [REASON | {"unit": "\x00"}]}, ("reasons", "0", 0, "unit")),
        ({0: [BAND | {"low_hz": -1}]}, ("reasons", "0", 0, "low_hz")),
    ],
)
def test_reasons_beyond_their_bounds_are_refused_with_their_place(reasons, place):
    with pytest.raises(ValidationError) as error:
        wire.SensorColumns(**columns(reasons=reasons))
    assert tuple(map(str, error.value.errors()[0]["loc"])) == tuple(map(str, place))
