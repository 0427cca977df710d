"""Golden responses: each call of the predecessor, its keys, types, defaults and order."""

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

NUMBER = (int, float)
ANALYSIS = {
    "id": int,
    "timestamp": str,
    "rms_db": float,
    "dominant_freq_hz": float,
    "status": str,
    "snr_db": float,
    "flatness": float,
    "band_levels": list,
    "model_score": float,
    "model_margin": float,
    "model_threshold": float,
}
TRAINED = {
    "message": str,
    "window_size": int,
    "threshold": float,
    "threshold_pct": float,
    "train_windows": int,
    "train_samples": int,
    "note": str,
}


def _check(found, golden, *, nullable=()):
    assert set(found) == set(golden)
    for key, kind in golden.items():
        assert isinstance(found[key], kind) or (key in nullable and found[key] is None), key


def _time(text):
    moment = datetime.fromisoformat(text)
    assert moment.utcoffset() == timedelta(0)
    return moment


@pytest.fixture
async def filled(client):
    assert set((await client.post("/v2/generate")).json()) == {"message"}
    return client


@pytest.fixture
async def trained(filled):
    assert (await filled.post("/anomaly/train?window_size=20")).json()["success"] is True
    return filled


async def test_generate_inserts_ten_thousand_of_which_one_in_twenty_is_anomalous(filled):
    rows = (await filled.get("/analyses")).json()
    assert len(rows) == 10_000
    anomalous = [row for row in rows if row["status"] == "Anomalo"]
    assert 0.035 < len(anomalous) / len(rows) < 0.065
    assert all(80 <= row["rms_db"] <= 120 and 2_000 <= row["dominant_freq_hz"] <= 6_000 for row in anomalous)
    normal = [row for row in rows if row["status"] == "OK"]
    assert all(20 <= row["rms_db"] <= 60 and 800 <= row["dominant_freq_hz"] <= 2_000 for row in normal)
    assert all(len(row["band_levels"]) == 5 and 0 <= row["flatness"] <= 1 for row in rows)
    assert {second - first for first, second in pairwise(_time(row["timestamp"]) for row in rows)} == {
        timedelta(seconds=5)
    }
    assert abs(datetime.now(UTC) - _time(rows[-1]["timestamp"])) < timedelta(minutes=2)
    await filled.post("/v2/generate")
    assert (await filled.get("/analyses/kpis")).json()["total_measurements"] == 10_000


async def test_analyses_without_a_model_have_null_scores(filled):
    (row,) = (await filled.get("/analyses?limit=1")).json()
    _check(row, ANALYSIS, nullable={"model_score", "model_margin", "model_threshold"})
    assert row["model_score"] is row["model_margin"] is row["model_threshold"] is None


async def test_analyses_with_a_model_are_scored_and_the_margin_is_score_less_threshold(trained):
    rows = (await trained.get("/analyses?limit=10000")).json()
    assert [row["model_score"] for row in rows[:19]] == [None] * 19
    for row in rows[19:]:
        _check(row, ANALYSIS)
        assert -1 <= row["model_score"] <= 0
        assert math.isclose(row["model_margin"], row["model_score"] - row["model_threshold"], abs_tol=2e-6)


async def test_any_page_of_analyses_is_the_same_cut_of_the_whole(trained):
    whole = (await trained.get("/analyses")).json()
    assert (await trained.get("/analyses/", params={"limit": 7, "_t": "1700000000", "other": "x"})).json() == whole[-7:]
    assert (await trained.get("/analyses?skip=100&limit=50")).json() == whole[-150:-100]
    assert (await trained.get("/analyses?skip=9990")).json() == whole[:10]
    recent = (await trained.get("/analyses?minutes=10")).json()
    assert recent == whole[-len(recent) :]
    assert 118 <= len(recent) <= 121


async def test_logs_are_newest_first(filled):
    rows = (await filled.get("/analyses/logs")).json()
    assert len(rows) == 200
    _check(rows[0], {"timestamp": str, "value": float, "frequency": float, "status": str})
    assert sorted(rows, key=lambda row: _time(row["timestamp"]), reverse=True) == rows
    newest = (await filled.get("/analyses?limit=1")).json()[0]
    assert math.isclose(rows[0]["value"] * 100, newest["rms_db"], abs_tol=1e-6)
    assert len((await filled.get("/analyses/logs?limit=3")).json()) == 3


async def test_kpis_describe_the_last_hour(filled):
    kpis = (await filled.get("/analyses/kpis")).json()
    golden = {
        "last_timestamp": str,
        "last_value": float,
        "last_frequency": float,
        "last_status": str,
        "anomalies_percent_window": float,
        "total_measurements": int,
        "ingest_rate_per_min": float,
        "window_minutes": int,
        "last_anomaly_ts": str,
    }
    _check(kpis, golden)
    assert (kpis["window_minutes"], kpis["total_measurements"]) == (60, 10_000)
    assert kpis["ingest_rate_per_min"] == pytest.approx(12, abs=0.1)
    rows = (await filled.get("/analyses?limit=720")).json()
    share = 100 * sum(row["status"] == "Anomalo" for row in rows) / len(rows)
    assert kpis["anomalies_percent_window"] == pytest.approx(share, abs=0.3)
    assert kpis["last_anomaly_ts"] == [row["timestamp"] for row in rows if row["status"] == "Anomalo"][-1]


async def test_an_empty_sandbox_answers_every_reading_call(client):
    assert (await client.get("/analyses")).json() == []
    assert (await client.get("/analyses/logs")).json() == []
    assert (await client.get("/analyses/kpis")).json() == {
        "last_timestamp": None,
        "last_value": None,
        "last_frequency": None,
        "last_status": None,
        "anomalies_percent_window": 0.0,
        "total_measurements": 0,
        "ingest_rate_per_min": 0.0,
        "window_minutes": 60,
        "last_anomaly_ts": None,
    }
    assert (await client.get("/analyses/events")).json() == {"items": [], "page": 1, "per_page": 15, "total": 0}


async def test_events_are_pages_of_declared_anomalies_newest_first(trained):
    rows = (await trained.get("/analyses")).json()
    since = datetime.now(UTC) - timedelta(minutes=600)
    expected = [
        (row["timestamp"], row["model_score"], row["model_margin"])
        for row in reversed(rows)
        if row["status"] == "Anomalo" and _time(row["timestamp"]) >= since
    ]
    first = (await trained.get("/analyses/events?minutes=600")).json()
    assert set(first) == {"items", "page", "per_page", "total"}
    assert (first["page"], first["per_page"], len(first["items"])) == (1, 15, 15)
    assert first["total"] == pytest.approx(len(expected), abs=1)
    golden = dict.fromkeys(("value", "frequency", "score", "threshold", "margin"), float)
    _check(first["items"][0], {"timestamp": str, "status": str, **golden})
    second = (await trained.get("/analyses/events?minutes=600&page=2&per_page=10")).json()
    found = [(item["timestamp"], item["score"], item["margin"]) for item in second["items"]]
    assert found == expected[10:20]
    assert len((await trained.get("/analyses/events?limit=40")).json()["items"]) == 40
    assert (await trained.get("/analyses/events?per_page=5&limit=40")).json()["per_page"] == 5


@pytest.mark.parametrize("place", ["params", "json", "data"])
async def test_v2_train_takes_query_or_body(filled, place):
    answer = await filled.post("/v2/train", **{place: {"window_size": 30, "threshold_pct": 10}})
    _check(answer.json(), TRAINED)
    assert (answer.json()["window_size"], answer.json()["threshold_pct"]) == (30, 10)


async def test_anomaly_train_has_the_predecessors_defaults_and_takes_a_form(filled):
    answer = (await filled.post("/anomaly/train")).json()
    _check(answer, {**TRAINED, "success": bool, "score_mean": float, "score_std": float})
    assert (answer["success"], answer["window_size"], answer["threshold_pct"]) == (True, 60, 5)
    form = (await filled.post("/anomaly/train", data={"window_size": "25", "unknown": "1"})).json()
    assert form["window_size"] == 25


async def test_training_an_empty_sandbox_fails_in_each_calls_own_way(client):
    answer = await client.post("/anomaly/train")
    assert answer.status_code == 200
    assert set(answer.json()) == {"success", "error"}
    assert answer.json()["success"] is False
    refused = await client.post("/v2/train")
    assert refused.status_code == 409
    assert refused.json()["detail"] == answer.json()["error"]


async def test_stream_scores_the_newest_window(trained):
    found = (await trained.get("/anomaly/stream")).json()
    numbers = ("anomaly_score", "threshold", "margin", "score_mean", "score_std", "z_score", "threshold_pct")
    golden = {"status": str, **dict.fromkeys(numbers, NUMBER), "window_size": int}
    _check({key: value for key, value in found.items() if key != "detail"}, golden)
    assert found["detail"] is None
    (newest,) = (await trained.get("/analyses?limit=1")).json()
    assert found["anomaly_score"] == newest["model_score"]
    assert found["margin"] == pytest.approx(newest["model_margin"], abs=2e-6)
    assert found["status"] == ("Anomalo" if found["margin"] < 0 else "OK")
    z_score = (found["anomaly_score"] - found["score_mean"]) / found["score_std"]
    assert found["z_score"] == pytest.approx(z_score, abs=1e-3)


async def test_stream_says_why_there_is_no_score(client):
    found = (await client.get("/anomaly/stream")).json()
    assert (found["anomaly_score"], found["status"]) == (None, "OK")
    assert found["detail"] == "no model: call POST /anomaly/train first"


async def test_update_is_deprecated_and_points_to_its_successor(client):
    answer = (await client.post("/v2/update")).json()
    assert set(answer) == {"message", "deprecated"}
    assert answer["deprecated"] is True
    assert "/anomaly/" in answer["message"]


async def test_clear_empties_measurements_and_models(trained):
    assert set((await trained.post("/v2/clear")).json()) == {"message"}
    assert (await trained.get("/analyses")).json() == []
    assert "no model" in (await trained.get("/anomaly/stream")).json()["detail"]


OUT_OF_RANGE = [
    ("GET", "/analyses?limit=0", "limit"),
    ("GET", "/analyses?limit=100001", "limit"),
    ("GET", "/analyses?limit=many", "limit"),
    ("GET", "/analyses?skip=-1", "skip"),
    ("GET", "/analyses?minutes=0", "minutes"),
    ("GET", "/analyses?minutes=nan", "minutes"),
    ("GET", "/analyses/logs?limit=-5", "limit"),
    ("GET", "/analyses/events?page=0", "page"),
    ("GET", "/analyses/events?per_page=0", "per_page"),
    ("POST", "/v2/train?window_size=1", "window_size"),
    ("POST", "/anomaly/train?threshold_pct=100", "threshold_pct"),
    ("POST", "/anomaly/train?threshold_pct=nan", "threshold_pct"),
]


async def test_a_parameter_out_of_range_is_named(client):
    for method, path, field in OUT_OF_RANGE:
        answer = await client.request(method, path)
        assert answer.status_code == 422, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["errors"][0]["loc"] == field
        assert answer.json()["detail"].startswith(f"{field}: ")


async def test_a_body_that_is_no_object_is_refused(client):
    for body in (b"{", b"[1]", b'"text"'):
        answer = await client.post("/v2/train", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 400
        assert "the body is" in answer.json()["detail"]


async def test_a_null_body_and_one_of_no_known_type_are_taken_as_none(filled):
    assert (await filled.post("/v2/train", content=b"null", headers={"content-type": "application/json"})).is_success
    assert (await filled.post("/v2/train", content=b"hello", headers={"content-type": "text/plain"})).is_success
