"""A chart shows what its windows say, whichever source it is made of: a plain loop over the windows is the oracle."""

import base64
import math
from datetime import UTC, date, datetime

import numpy as np
import pytest
from storage_testing import ANOMALOUS, DIGESTS, INVALID, LEARNING, NORMAL, STOPPED, THRESHOLDS, hear, keep, roll_up

from audiosense_collector.clock import DAY_US, HOUR_US, now_us, to_us
from audiosense_collector.db.migrate import Retention
from audiosense_collector.series import plan
from audiosense_collector.series.plan import MINUTE_US, Resolution
from audiosense_common.features import THIRD_OCTAVE_FEATURES
from audiosense_common.third_octaves import NOMINAL_HZ

WORDS = ["learning", "normal", "anomalous", "stopped", "invalid"]
WORST = [ANOMALOUS, INVALID, LEARNING, STOPPED, NORMAL]
COMMON, NEW = "crest_db", "harmonicity_db"
ONLY_HOURS = "mel_max_shape_07"


def windows_of(parts, low, high):
    """Each window of a span as (time, part, place), by time."""
    found = [
        (int(time), part, place) for part in parts for place, time in enumerate(part.time_us) if low <= time < high
    ]
    return sorted(found, key=lambda each: each[0])


def expected(parts, low, high, unit, *, origin, width, names=()):
    """What each point of a chart says, with the stated rules and nothing clever."""
    points = []
    groups = {}
    for time, part, place in windows_of(parts, low, high):
        groups.setdefault((time - origin) // width, []).append((time, part, place))
    for number, group in sorted(groups.items()):
        valid = [each for each in group if each[1].status[each[2]] != INVALID]
        scores = [float(part.score[place]) for _, part, place in valid if not math.isnan(part.score[place])]
        models = [int(part.model[place]) for _, part, place in valid if not math.isnan(part.score[place])]
        levels = [float(part.level_dbfs[place]) for _, part, place in valid or group]
        points.append(
            {
                "time_us": origin + number * width,
                "windows": len(group),
                "anomalous": sum(part.status[place] == ANOMALOUS for _, part, place in group),
                "status": next(WORDS[code] for code in WORST if any(p.status[i] == code for _, p, i in group)),
                "score": max(scores, default=None),
                "score_max": max(scores, default=None),
                "score_min": min(scores, default=None),
                "score_mean": float(np.mean(scores)) if scores else None,
                "threshold": THRESHOLDS[max(models)] if models else None,
                "level_min": min(levels),
                "level_max": max(levels),
                "level": float(np.mean(levels)),
                "dominant_hz": float(np.mean([part.dominant_hz[place] for _, part, place in valid or group])),
                **{name: feature_mean(group, unit, name) for name in names},
            }
        )
    return points


def feature_mean(group, unit, name):
    """Of each roll-up the windows of the newest schema are described, and of them the valid ones if there are any."""
    total = count = 0
    units = {}
    for each in group:
        units.setdefault(each[0] // unit, []).append(each)
    some_valid = any(part.status[place] != INVALID for _, part, place in group)
    for members in units.values():
        valid = [each for each in members if each[1].status[each[2]] != INVALID]
        if some_valid and not valid:
            continue
        heard = valid or members
        newest = max(part.schema_id for _, part, _ in heard)
        values = [part.feature(name)[place] for _, part, place in heard if part.schema_id == newest]
        values = [value for value in values if not math.isnan(value)]
        total += sum(values)
        count += len(values)
    return total / count if count else None


async def read(browser, sensor, kind="series", **parameters):
    response = await browser.get(f"/api/v1/sensors/{sensor}/{kind}", params=parameters)
    assert response.status_code == 200, response.text
    return response.json()


def check(series, points, names, levels=lambda value: value):
    assert len(series["time_us"]) == len(points) > 1
    for key in ("time_us", "windows", "anomalous", "status"):
        assert series[key] == [point[key] for point in points], key
    for key in ("score", "score_max", "score_min", "score_mean", "threshold", "dominant_hz"):
        assert series[key] == [approx(point[key]) for point in points], key
    assert series["level_dbfs"] == [approx(point["level"]) for point in points]
    for key in ("level", "level_min", "level_max"):
        assert series[key] == [approx(levels(point[key])) for point in points], key
    for name in names:
        assert series["features"][name] == [approx(point[name]) for point in points], name
    assert series["count"] == sum(point["windows"] for point in points)


def approx(value):
    return value if value is None else pytest.approx(value, rel=1e-5)


@pytest.fixture
async def sensor(make_agent):
    (sensor,) = (await make_agent()).sensors.values()
    return sensor


@pytest.fixture
async def changed(runtime, sensor):
    """A sensor that changed its schema within 40 hours, with gaps; and a spike that lasted for one window."""
    end = now_us() // HOUR_US * HOUR_US
    parts = [
        hear(2_000, end - 40 * HOUR_US, seed=1, step_us=30_000_000, schema_id="audiosense-1"),
        hear(2_500, end - 22 * HOUR_US, seed=2, step_us=30_000_000),
    ]
    whole_minutes = slice(1_200, 1_210)
    parts[1].score[whole_minutes], parts[1].status[whole_minutes] = math.nan, INVALID
    parts[1].score[777], parts[1].status[777], parts[1].level_dbfs[777] = 0.99, ANOMALOUS, 3.25
    for part in parts:
        await keep(runtime, sensor, part)
    await roll_up(runtime, sensor)
    return sensor, parts, end


async def test_minutes_say_what_their_windows_say(browser, changed):
    sensor, parts, end = changed
    low, high = end - 40 * HOUR_US + 1_234_567, end - 1_000_000
    names = [COMMON, NEW]
    series = await read(browser, sensor, from_us=low, to_us=high, points=300, features=",".join(names))
    assert (series["resolution"], series["resolution_us"]) == ("minute", 9 * MINUTE_US)
    origin = low - low % (9 * MINUTE_US)
    check(series, expected(parts, origin, high, MINUTE_US, origin=origin, width=9 * MINUTE_US, names=names), names)
    assert len(series["time_us"]) <= 300
    place = series["score_max"].index(max(filter(None, series["score_max"])))
    assert (series["score"][place], series["status"][place]) == (pytest.approx(0.99), "anomalous")
    assert max(series["level_max"]) == pytest.approx(3.25)
    assert series["features"][NEW][0] is None


async def test_hours_serve_what_minutes_do_not_hold_and_what_is_longer(browser, changed):
    sensor, parts, end = changed
    for low, most, names, width in (
        (end - 9 * DAY_US, 300, [COMMON], HOUR_US),
        (end - 300 * DAY_US, 300, [COMMON, NEW, ONLY_HOURS], 25 * HOUR_US),
    ):
        series = await read(browser, sensor, from_us=low, to_us=end, points=most, features=",".join(names))
        assert (series["resolution"], series["resolution_us"]) == ("hour", width)
        origin = low - low % width
        points = expected(parts, origin, end, HOUR_US, origin=origin, width=width, names=names)
        check(series, points, names)


async def test_raw_rows_are_thinned_by_the_same_rules(browser, runtime, sensor):
    start = now_us() - 3 * HOUR_US
    part = hear(2_000, start, seed=3)
    await keep(runtime, sensor, part)
    end = start + 3 * HOUR_US
    series = await read(browser, sensor, from_us=start, to_us=end, points=100, features=ONLY_HOURS)
    width = -(-(end - start) // 100)
    assert (series["resolution"], series["resolution_us"], series["count"]) == ("raw", width, 2_000)
    points = expected([part], start, end, 1, origin=start, width=width, names=[])
    for key in ("windows", "anomalous", "status"):
        assert series[key] == [point[key] for point in points]
    for key in ("score", "score_min", "score_mean", "score_max", "level_min", "level_max"):
        assert series[key] == [approx(point[key]) for point in points]
    places = [int(np.flatnonzero(part.time_us == time)[0]) for time in series["time_us"]]
    assert series["score"] == [approx(float(part.score[place])) for place in places]
    assert series["features"][ONLY_HOURS] == [part.feature(ONLY_HOURS)[place] for place in places]


async def test_each_window_comes_as_it_is_where_there_are_few(browser, runtime, sensor):
    start = now_us() - HOUR_US
    part = hear(300, start, seed=4)
    await keep(runtime, sensor, part)
    series = await read(browser, sensor, from_us=start, to_us=start + HOUR_US, features=ONLY_HOURS)
    assert (series["resolution"], series["resolution_us"], series["windows"]) == ("raw", 0, None)
    assert series["time_us"] == part.time_us.tolist()
    assert series["status"] == [WORDS[code] for code in part.status]
    assert [None if each is None else np.float32(each) for each in series["score"]] == [
        None if math.isnan(each) else each for each in part.score
    ]
    assert series["threshold"] == [None if model < 0 else approx(THRESHOLDS[model]) for model in part.model]
    assert len(DIGESTS) == len({each for each in series["threshold"] if each is not None})


@pytest.mark.parametrize(
    ("made", "levels"),
    [
        ({"full_scale": 20.0}, lambda dbfs: dbfs + 20 * math.log10(20 / 20e-6)),
        ({"quantity": "acceleration", "full_scale": 16.0}, lambda dbfs: 16.0 * 10 ** (dbfs / 20)),
    ],
    ids=["microphone", "accelerometer"],
)
async def test_levels_are_in_the_sensors_unit_at_each_resolution(
    browser, runtime, make_agent, register, *, made, levels
):
    agent = await make_agent(register(machine=f"Calibrated {len(made)}", **made))
    (sensor,) = agent.sensors.values()
    end = now_us() // HOUR_US * HOUR_US
    part = hear(200, end - 3 * HOUR_US, seed=5, step_us=50_000_000)
    await keep(runtime, sensor, part)
    await roll_up(runtime, sensor)
    second, name = ("velocity_mm_s", "velocity_db") if "quantity" in made else ("level_a_db", "level_a_dbfs")
    factor = 9.80665 if "quantity" in made else 1
    for span, unit in ((5 * DAY_US, MINUTE_US), (30 * DAY_US, HOUR_US)):
        low = end - span
        series = await read(browser, sensor, from_us=low, to_us=end, points=4_000)
        assert series["resolution"] == ("minute" if unit == MINUTE_US else "hour")
        width = series["resolution_us"]
        points = expected([part], low, end, unit, origin=low - low % width, width=width, names=[name])
        check(series, points, [], levels)
        assert series[second] == [approx(levels(point[name]) * factor) for point in points]


async def test_bands_over_time_are_a_matrix(browser, changed):
    sensor, (_, part), end = changed
    low = end - 20 * HOUR_US
    for span_low, high, columns, resolution in (
        (end - 2 * HOUR_US, end, 20, "raw"),
        (low - 60 * HOUR_US, end, 100, "minute"),
        (end - 20 * DAY_US, end, 2_000, "hour"),
    ):
        found = await read(browser, sensor, "bands", from_us=span_low, to_us=high, columns=columns)
        assert found["resolution"] == resolution
        assert found["centre_hz"] == list(NOMINAL_HZ)
        levels = np.frombuffer(base64.b64decode(found["data"]), "<f2").reshape(found["shape"])
        assert 1 < len(levels) == len(found["time_us"]) <= columns
        width = found["resolution_us"]
        origin = span_low if resolution == "raw" else span_low - span_low % width
        heard = np.flatnonzero((part.time_us >= origin) & (part.time_us < high) & (part.status != INVALID))
        columns_of = (part.time_us[heard] - origin) // width
        assert found["time_us"] == (origin + np.unique(columns_of) * width).tolist()
        block = np.stack([part.feature(name)[heard] for name in THIRD_OCTAVE_FEATURES], axis=1).astype(np.float64)
        means = [block[columns_of == column].mean(axis=0) for column in np.unique(columns_of)]
        assert levels == pytest.approx(np.array(means), abs=0.04)


async def test_a_sensor_without_bands_has_an_empty_matrix(browser, sensor):
    found = await read(browser, sensor, "bands")
    assert (found["shape"], found["data"], found["time_us"]) == ([0, 32], "", [])


async def test_what_has_not_changed_is_not_sent_again(browser, changed):
    sensor, _, end = changed
    parameters = {"from_us": end - 30 * HOUR_US, "to_us": end}
    for kind in ("series", "bands"):
        path = f"/api/v1/sensors/{sensor}/{kind}"
        first = await browser.get(path, params=parameters)
        tag = {"If-None-Match": f'"other", {first.headers["etag"]}'}
        again = await browser.get(path, params=parameters, headers=tag)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
        assert (await browser.get(path, params=parameters | {"to_us": end - 1}, headers=tag)).status_code == 200


TODAY = date(2026, 11, 28)
NOON = to_us(datetime(2026, 11, 28, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("age", "span", "features", "resolution"),
    [
        (0, 8 * HOUR_US, [], "raw"),
        (0, 9 * HOUR_US, [], "minute"),
        (0, 24 * HOUR_US, [ONLY_HOURS], "raw"),
        (0, 30 * HOUR_US, [ONLY_HOURS], "hour"),
        (0, 7 * DAY_US, [COMMON], "minute"),
        (0, 8 * DAY_US, [COMMON], "hour"),
        (29 * DAY_US, HOUR_US, [], "raw"),
        (31 * DAY_US, HOUR_US, [], "minute"),
        (31 * DAY_US, HOUR_US, [ONLY_HOURS], "hour"),
        (430 * DAY_US, HOUR_US, [], "hour"),
    ],
    ids=str,
)
def test_the_finest_source_that_still_holds_a_span_serves_it(age, span, features, resolution):
    end = NOON - age
    chosen = plan.choose(end - span, end, window_s=5.0, features=features, retention=Retention(), today=TODAY)
    assert chosen == resolution


@pytest.mark.parametrize("points", [1, 2, 3, 59, 60, 61, 1_000, 4_000])
@pytest.mark.parametrize("span", [1, MINUTE_US, 60 * MINUTE_US, 7 * DAY_US, 365 * DAY_US], ids=str)
def test_a_grid_has_no_more_points_than_asked_for(points, span):
    for low in (NOON, NOON + 1, NOON + 59_999_999, NOON + 123_456_789):
        for resolution in (Resolution.MINUTE, Resolution.HOUR):
            cells = plan.grid(resolution, low, low + span, points)
            assert cells.origin_us <= low
            assert cells.width_us % plan.WIDTH_US[resolution] == 0
            assert (low + span - 1 - cells.origin_us) // cells.width_us + 1 <= points
