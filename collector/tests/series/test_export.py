"""An export is the table, row by row, and ends when its reader does."""

import asyncio
import csv
import io
import math

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from storage_testing import fetch, hear, keep, roll_up

from audiosense_collector.clock import HOUR_US, now_us
from audiosense_collector.errors import InvalidError
from audiosense_collector.rollups.contents import minute_features
from audiosense_collector.series import export
from audiosense_collector.series.plan import Resolution
from audiosense_collector.series.routes import Exported
from audiosense_collector.series.sources import Span
from audiosense_collector.server import running
from audiosense_common.features import SCHEMA_ID

WORDS = ["learning", "normal", "anomalous", "stopped", "invalid"]
FEATURES = ("crest_db", "harmonicity_db")


@pytest.fixture
async def stored(runtime, make_agent):
    """A sensor with windows of two schemas; the first lacks one of the features."""
    (sensor,) = (await make_agent()).sensors.values()
    start = now_us() - 4 * HOUR_US
    parts = [hear(700, start, seed=1, schema_id="audiosense-1"), hear(900, start + 2 * HOUR_US, seed=2)]
    for part in parts:
        await keep(runtime, sensor, part)
    await roll_up(runtime, sensor)
    return sensor, parts, {"from_us": start, "to_us": start + 4 * HOUR_US}


def single(text):
    return math.nan if not text else np.float32(text)


async def test_csv_is_the_table_and_counts_its_rows(browser, stored):
    sensor, parts, span = stored
    parameters = span | {"features": ",".join(FEATURES)}
    response = await browser.get(f"/api/v1/sensors/{sensor}/export", params=parameters)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/csv")
    assert f"{sensor}-raw.csv" in response.headers["content-disposition"]
    *lines, last = response.text.splitlines()
    assert last == "# rows: 1600"
    rows = list(csv.DictReader(lines))
    assert len(rows) == 1_600
    windows = [(part, place) for part in parts for place in range(len(part))]
    for row, (part, place) in zip(rows, windows, strict=True):
        assert np.datetime64(row["time"].removesuffix("Z"), "us").astype(int) == part.time_us[place]
        assert (int(row["seq"]), row["status"]) == (place, WORDS[part.status[place]])
        assert np.array_equal(single(row["score"]), part.score[place], equal_nan=True)
        assert single(row["level_dbfs"]) == part.level_dbfs[place]
        assert (row["model"] == "") == (part.model[place] < 0)
        for name in FEATURES:
            assert np.array_equal(single(row[name]), np.float32(part.feature(name)[place]), equal_nan=True)


async def test_parquet_is_the_table_with_its_count_in_the_footer(browser, stored, monkeypatch):
    monkeypatch.setattr(export, "BLOCK_ROWS", 500)
    monkeypatch.setattr(export, "GROUP_BYTES", 1)
    sensor, parts, span = stored
    response = await browser.get(
        f"/api/v1/sensors/{sensor}/export", params=span | {"format": "parquet", "features": "*"}
    )
    file = pa.parquet.ParquetFile(io.BytesIO(response.content))
    assert (file.metadata.num_rows, file.metadata.num_row_groups) == (1_600, 4)
    assert file.metadata.metadata[b"rows"] == b"1600"
    table = file.read()
    assert table["time"].cast(pa.int64()).to_pylist() == np.concatenate([part.time_us for part in parts]).tolist()
    for name in ("crest_db", "harmonicity_db", "third_1000_db"):
        column = np.concatenate([part.feature(name) for part in parts]).astype(np.float32)
        assert np.array_equal(table[name].to_numpy(zero_copy_only=False), column, equal_nan=True), name
        assert table[name].null_count == np.isnan(column).sum()


@pytest.mark.parametrize("resolution", ["minute", "hour"])
async def test_roll_ups_are_exported_too(browser, runtime, stored, resolution):
    sensor, _, span = stored
    parameters = span | {"from_us": span["from_us"] - HOUR_US, "resolution": resolution, "features": "*"}
    response = await browser.get(f"/api/v1/sensors/{sensor}/export", params=parameters)
    *lines, last = response.text.splitlines()
    rows = list(csv.DictReader(lines))
    kept = await fetch(
        runtime,
        "SELECT windows, invalid, score_sum / nullif(scored, 0) AS score, level_dbfs_max, means "
        f"FROM rollup_{resolution} WHERE sensor_id = :sensor ORDER BY time",
        sensor=sensor,
    )
    assert last == f"# rows: {len(kept)}"
    assert sum(int(row["windows"]) for row in rows) == 1_600
    for row, there in zip(rows, kept, strict=True):
        assert (int(row["windows"]), int(row["invalid"])) == (there.windows, there.invalid)
        assert single(row["level_dbfs_max"]) == np.float32(there.level_dbfs_max)
        assert single(row["score_mean"]) == (math.nan if there.score is None else pytest.approx(there.score, rel=1e-6))
    newest = np.frombuffer(kept[-1].means, "<f4")
    if resolution == "minute":
        names = minute_features(SCHEMA_ID)
        assert [single(rows[-1][name]) for name in names] == newest.tolist()


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"format": "xlsx"}, "format"),
        ({"features": "loudness"}, "loudness"),
        ({"features": "mel_max_shape_07", "resolution": "minute"}, "mel_max_shape_07"),
        ({"from_us": 5, "to_us": 5}, "to_us"),
    ],
    ids=["format", "unknown feature", "not in minutes", "empty span"],
)
async def test_what_cannot_be_exported_is_refused_before_anything_is_sent(browser, stored, parameters, named):
    response = await browser.get(f"/api/v1/sensors/{stored[0]}/export", params=parameters)
    assert response.status_code == 422
    assert named in response.json()["detail"]


async def test_an_empty_export_says_so(browser, stored):
    response = await browser.get(f"/api/v1/sensors/{stored[0]}/export", params={"from_us": 1, "to_us": 2})
    header, last = response.text.splitlines()
    assert header.startswith('"time"')
    assert last == "# rows: 0"
    response = await browser.get(
        f"/api/v1/sensors/{stored[0]}/export", params={"from_us": 1, "to_us": 2, "format": "parquet"}
    )
    assert pa.parquet.ParquetFile(io.BytesIO(response.content)).metadata.num_rows == 0


async def test_a_reader_that_goes_away_ends_its_export(
    *, settings, database_url, stored, runtime, signed_in, monkeypatch
):
    """Over a real connection that nobody reads from: the cursor waits, and ends with the connection."""
    monkeypatch.setattr(export, "BLOCK_ROWS", 200)
    sensor, _, span = stored
    await keep(runtime, sensor, hear(20_000, span["from_us"], seed=3, step_us=600_000))
    reading = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL "
        """AND query LIKE 'FETCH%"export"%'"""
    )

    async def until(count):
        async with asyncio.timeout(120):
            while (await fetch(runtime, reading))[0][0] != count:  # noqa: ASYNC110 - PostgreSQL tells nobody
                await asyncio.sleep(0.01)

    somebody = await signed_in()
    async with (
        running(settings, database_url) as (addresses, _, _),
        httpx.AsyncClient(trust_env=False, **somebody) as client,
    ):
        url = f"{addresses.http}/api/v1/sensors/{sensor}/export"
        async with client.stream("GET", url, params=span | {"features": "*"}) as response:
            await anext(response.aiter_raw())
            await until(1)
        await until(0)
        assert (await client.get(url, params=span)).text.endswith("# rows: 21600\n")


async def test_a_reader_that_has_gone_is_sent_no_more(stored, runtime, monkeypatch):
    """To send to a connection that is closed is no wait: the export must hear of it all the same."""
    monkeypatch.setattr(export, "BLOCK_ROWS", 10)
    sensor, _, span = stored
    sent = []

    async def gone():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    wanted = export.Export(Span(sensor, span["from_us"], span["to_us"]), Resolution.RAW, export.Format.CSV, ())
    scope = {"type": "http", "asgi": {"spec_version": "2.3"}, "method": "GET", "path": "/", "headers": []}
    await Exported(runtime.sessions, wanted, "name")(scope, gone, send)
    assert not any(b"# rows:" in message.get("body", b"") for message in sent)


async def test_more_exports_than_there_are_places_for_come_again(browser, stored, monkeypatch):
    for _ in range(export.AT_ONCE):
        assert Exported._places.acquire(blocking=False)
    try:
        response = await browser.get(f"/api/v1/sensors/{stored[0]}/export")
        assert response.status_code == 503
        assert "retry-after" in response.headers
    finally:
        Exported._places.release(export.AT_ONCE)
    assert (await browser.get(f"/api/v1/sensors/{stored[0]}/export")).status_code == 200


def test_small_blocks_share_a_row_group_and_a_file_of_too_many_groups_is_refused(monkeypatch):
    schema = pa.schema([("x", pa.float32())])
    block = pa.record_batch([pa.array(np.arange(100, dtype=np.float32))], schema=schema)
    sink = io.BytesIO()
    writer = export._Parquet(sink, schema)
    for _ in range(50):
        writer.write(block)
    writer.close(5_000)
    assert pa.parquet.ParquetFile(io.BytesIO(sink.getvalue())).metadata.num_row_groups == 1
    monkeypatch.setattr(export, "GROUP_BYTES", 1)
    monkeypatch.setattr(export, "MOST_GROUPS", 3)
    bounded = export._Parquet(io.BytesIO(), schema)
    for _ in range(3):
        bounded.write(block)
    with pytest.raises(InvalidError, match="ask for fewer sensors"):
        bounded.write(block)
