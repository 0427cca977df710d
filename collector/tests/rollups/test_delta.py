"""Roll-ups of parts, merged, are those of the whole, and those that a plain loop over the windows gives."""

import dataclasses
import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosense_collector.rollups.contents import hour_features, main_features, minute_features
from audiosense_collector.rollups.delta import Windows, roll_up
from audiosense_collector.rollups.merge import add, merge
from audiosense_collector.rollups.rows import HOUR_US, INVALID, MINUTE_US, NONE, SCHEMA_IDS, empty, join
from audiosense_common.features import SCHEMAS, column

KINDS = {"minutes": (MINUTE_US, minute_features), "hours": (HOUR_US, hour_features)}
SINGLE = st.floats(width=32, min_value=-200, max_value=100)
WINDOW = st.fixed_dictionaries(
    {
        "schema_id": st.sampled_from(SCHEMA_IDS),
        "sensor": st.integers(0, 2),
        "time_us": st.integers(0, 8).map(lambda place: 1_764_000_000_000_000 + place * 25_000_000)
        | st.sampled_from([0, 59_999_999, 3_600_000_000, 253_402_300_799_999_999]),
        "status": st.integers(0, INVALID),
        "model": st.integers(NONE, 3),
        "score": st.none() | st.floats(width=32, min_value=0, max_value=1) | st.sampled_from([0.02, 0.98, 1.0]),
        "level_dbfs": SINGLE,
        "dominant_hz": SINGLE,
        "seed": st.integers(0, 2**31),
    }
)


def vector(window):
    """Half precision of all sizes, drawn from the window's seed."""
    rng = np.random.default_rng(window["seed"])
    names = SCHEMAS[window["schema_id"]]
    return (rng.normal(size=len(names)) * 10.0 ** rng.integers(-4, 4)).astype(np.float16)


def columns(rows):
    """Return windows of one schema as arrays."""

    def of(name, kind):
        return np.array([row[name] for row in rows], kind)

    return Windows(
        schema_id=rows[0]["schema_id"],
        sensor=of("sensor", np.int64),
        time_us=of("time_us", np.int64),
        status=of("status", np.int64),
        model=of("model", np.int64),
        score=np.array([np.nan if row["score"] is None else row["score"] for row in rows], np.float32),
        level_dbfs=of("level_dbfs", np.float32),
        dominant_hz=of("dominant_hz", np.float32),
        features=np.stack([vector(row) for row in rows]),
    )


def expect(rows, span_us, described_by):
    """Make the roll-up of one span in the plainest way."""
    valid = [row for row in rows if row["status"] != INVALID]
    heard = valid or rows
    scored = [row for row in valid if row["score"] is not None]
    scores = [float(np.float32(row["score"])) for row in scored]
    newest = max((row["schema_id"] for row in heard), key=SCHEMA_IDS.index)
    vectors = np.stack([vector(row) for row in heard if row["schema_id"] == newest]).astype(np.float64)
    mains = vectors[:, [column(newest, name) for name in main_features(newest)]]
    return {
        "time_us": rows[0]["time_us"] // span_us * span_us,
        "statuses": [sum(row["status"] == status for row in rows) for status in range(5)],
        "model": max((row["model"] for row in scored), default=NONE),
        "scored": len(scored),
        "score": (min(scores, default=math.nan), math.fsum(scores), max(scores, default=math.nan)),
        **{
            name: (min(values), math.fsum(values), max(values))
            for name in ("level_dbfs", "dominant_hz")
            for values in [[row[name] for row in heard]]
        },
        "rank": SCHEMA_IDS.index(newest),
        "described": len(vectors),
        "means": vectors[:, [column(newest, name) for name in described_by(newest)]].mean(axis=0),
        "extremes": (mains.min(axis=0), mains.max(axis=0)),
        "histogram": np.bincount([min(49, math.floor(score * 50)) for score in scores], minlength=50),
    }


def check(found, row, wanted, sizes):
    for name in ("time_us", "model", "scored", "rank", "described"):
        assert getattr(found, name)[row] == wanted[name], name
    assert found.statuses[row].tolist() == wanted["statuses"]
    assert found.histogram[row].tolist() == wanted["histogram"].tolist()
    for name in ("score", "level_dbfs", "dominant_hz"):
        spread = getattr(found, name)
        least, total, most = wanted[name]
        np.testing.assert_array_equal([spread.least[row], spread.most[row]], np.float32([least, most]))
        assert spread.total[row] == pytest.approx(total, rel=1e-12, abs=1e-9)
    width = len(wanted["means"])
    np.testing.assert_allclose(found.means[row, :width], wanted["means"], rtol=1e-5, atol=sizes * 1e-6)
    assert not found.means[row, width:].any()
    for side in range(2):
        width = len(wanted["extremes"][side])
        np.testing.assert_array_equal(found.extremes[row, side, :width], wanted["extremes"][side])


@given(st.lists(WINDOW, min_size=1, max_size=25), st.randoms(use_true_random=False))
def test_deltas_of_any_parts_in_any_order_are_the_roll_ups_of_the_whole(rows, random):
    parts = defaultdict(list)
    for row in rows:
        parts[row["schema_id"], random.randrange(4)].append(row)
    deltas = [roll_up(columns(part)) for part in parts.values()]
    random.shuffle(deltas)
    largest = max(np.abs(vector(row).astype(float)).max() for row in rows)
    for kind, (span_us, described_by) in KINDS.items():
        merged = getattr(deltas[0], kind)
        for delta in deltas[1:]:
            merged = merge(join([getattr(delta, kind), merged]), span_us)
        spans = defaultdict(list)
        for row in rows:
            spans[row["sensor"], row["time_us"] // span_us].append(row)
        assert merged.sensor.tolist() == [sensor for sensor, _ in sorted(spans)]
        assert merged.windows.tolist() == [len(spans[key]) for key in sorted(spans)]
        for place, key in enumerate(sorted(spans)):
            check(merged, place, expect(spans[key], span_us, described_by), largest)


@given(st.lists(WINDOW, min_size=1, max_size=25), st.randoms(use_true_random=False))
def test_what_is_added_to_stored_rows_is_the_same_as_all_of_them_merged(rows, random):
    parts = defaultdict(list)
    for row in rows:
        parts[row["schema_id"], random.randrange(2)].append(row)
    deltas = {key: roll_up(columns(part)) for key, part in parts.items()}
    for kind, (span_us, _) in KINDS.items():
        sides = ([getattr(each, kind) for (_, side), each in deltas.items() if side == which] for which in range(2))
        old, new = (merge(join([empty(0), *side]), span_us) for side in sides)
        met = np.isin((old.sensor << 32) | (old.time_us // span_us), (new.sensor << 32) | (new.time_us // span_us))
        stored = old.pick(np.flatnonzero(met))
        found, wanted = add(new, stored, span_us), merge(join([stored, new]), span_us)
        for each, other in zip(values(found), values(wanted), strict=True):
            np.testing.assert_array_equal(each, other)


def values(rollups):
    for each in dataclasses.fields(rollups):
        value = getattr(rollups, each.name)
        yield from values(value) if dataclasses.is_dataclass(value) else [value]


def test_a_minute_of_very_many_windows_is_summed_exactly():
    window = {
        "schema_id": SCHEMA_IDS[-1],
        "sensor": 0,
        "time_us": 0,
        "status": 1,
        "model": 0,
        "score": 0.1,
        "level_dbfs": -30.1,
        "dominant_hz": 50.0,
        "seed": 1,
    }
    found = roll_up(columns([window] * 9_999))
    for rows, described_by in ((found.minutes, minute_features), (found.hours, hour_features)):
        places = [column(window["schema_id"], name) for name in described_by(window["schema_id"])]
        np.testing.assert_array_equal(rows.means[0], vector(window)[places].astype(np.float32))
        assert rows.histogram[0, 5] == 9_999


def test_nothing_merged_is_nothing():
    assert len(merge(empty(3), MINUTE_US)) == 0
    assert len(join([empty(3), empty(5)])) == 0
