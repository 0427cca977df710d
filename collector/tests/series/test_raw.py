"""Series keep what a chart must show."""

import uuid

import numpy as np
import pytest

from audiosense_common.features import SCHEMA_ID, column
from audiosense_common.wire import Status

FEATURES = "crest_db,mel_max_shape_07"


async def read(browser, agent, **parameters):
    (sensor,) = agent.sensors.values()
    return await browser.get(f"/api/v1/sensors/{sensor}/series", params=parameters)


async def test_few_rows_come_as_they_are_with_features_from_the_stored_vector(browser, make_agent):
    agent = await make_agent()
    columns = agent.columns(50)
    matrix = columns.features.unpack()
    await agent.send(agent.batch(columns))
    series = (await read(browser, agent, features=FEATURES)).json()
    assert (series["resolution_us"], series["count"]) == (0, 50)
    assert series["time_us"] == columns.time_us
    for name in FEATURES.split(","):
        assert np.array_equal(series["features"][name], matrix[:, column(SCHEMA_ID, name)].astype(float))


async def test_reasons_come_with_a_series_that_asks_for_them(browser, make_agent, reasons, told):
    agent = await make_agent()
    columns = agent.columns(3, status=Status.ANOMALOUS, score=0.9, digest="d" * 64)
    columns = columns.model_copy(update={"reasons": {1: reasons}})
    await agent.send(agent.batch(columns))
    assert (await read(browser, agent, reasons=True)).json()["reasons"] == [None, told, None]
    assert (await read(browser, agent)).json()["reasons"] == []


async def test_many_rows_are_thinned_and_the_extremes_stay(browser, make_agent):
    agent = await make_agent()
    quiet = agent.columns(3_000, status=Status.NORMAL, score=0.3, digest="d" * 64)
    scores = list(quiet.score)
    scores[1_234], scores[2_999], scores[0] = 0.91, 0.92, 0.93
    loud = quiet.model_copy(update={"score": scores})
    await agent.send(agent.batch(loud))
    bounds = {"from_us": loud.time_us[0], "to_us": loud.time_us[-1] + 1}
    series = (await read(browser, agent, points=100, features="crest_db", **bounds)).json()
    assert series["count"] == 3_000
    assert 90 <= len(series["time_us"]) <= 100
    assert series["time_us"] == sorted(series["time_us"])
    found = dict(zip(series["time_us"], series["score"], strict=True))
    for place in (1_234, 2_999, 0):
        assert found[loud.time_us[place]] == pytest.approx(scores[place])
    assert {len(series[name]) for name in ("score", "status", "level_dbfs", "threshold")} == {len(found)}
    assert len(series["features"]["crest_db"]) == len(found)


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"from_us": 5, "to_us": 5}, "to_us"),
        ({"features": "loudness"}, "loudness"),
        ({"points": 4_001}, "points"),
        ({"from_us": -1}, "from_us"),
        ({"to_us": 10**20}, "to_us"),
    ],
)
async def test_a_span_that_cannot_be_shown_names_the_parameter(browser, make_agent, parameters, named):
    response = await read(browser, await make_agent(), **parameters)
    assert response.status_code == 422
    assert named in response.json()["detail"]


async def test_an_unknown_sensor_is_not_found(browser):
    assert (await browser.get(f"/api/v1/sensors/{uuid.uuid4()}/series")).status_code == 404
