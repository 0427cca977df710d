"""Bodies that are refused leave nothing behind; limits hold before and after decompression."""

import contextlib
import gzip
import json
import tracemalloc
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from audiosense_collector.errors import BadRequestError, TooLargeError, UnsupportedError
from audiosense_collector.ingest.body import MAX_FRAMES, decompress
from audiosense_common.wire import MAX_BODY_BYTES, MAX_DECODED_BYTES

ZERO_GIGABYTE = 2**30


def zstd_bomb():
    compressor = zstandard.ZstdCompressor(level=1).compressobj()
    parts = [compressor.compress(bytes(2**20)) for _ in range(ZERO_GIGABYTE // 2**20)]
    return b"".join([*parts, compressor.flush()])


def gzip_bomb():
    compressor = zlib.compressobj(9, wbits=31)
    parts = [compressor.compress(bytes(2**20)) for _ in range(200)]
    return b"".join([*parts, compressor.flush()])


async def count(runtime):
    async with runtime.sessions() as session:
        return await session.scalar(text("SELECT count(*) FROM measurement"))


@given(st.binary(max_size=2_000))
def test_what_was_compressed_comes_back(content):
    assert decompress(gzip.compress(content), "gzip") == content
    assert decompress(zstandard.compress(content), "zstd") == content
    assert decompress(content, None) == content


@given(st.lists(st.tuples(st.binary(max_size=500), st.booleans()), min_size=1, max_size=MAX_FRAMES))
def test_frames_of_zstd_one_after_the_other_are_one_body(parts):
    frames = []
    for content, tells_size in parts:
        compressor = zstandard.ZstdCompressor(write_content_size=tells_size, write_checksum=not tells_size)
        frames.append(compressor.compress(content))
    assert decompress(b"".join(frames), "zstd") == b"".join(content for content, _ in parts)


def test_limits_hold_over_all_frames():
    frame = zstandard.compress(bytes(MAX_DECODED_BYTES // 4))
    assert len(decompress(frame * 4, "zstd")) == MAX_DECODED_BYTES
    with pytest.raises(TooLargeError):
        decompress(frame * 4 + zstandard.compress(b"x"), "zstd")
    with pytest.raises(BadRequestError, match="more than 16 frames"):
        decompress(zstandard.compress(b"x") * (MAX_FRAMES + 1), "zstd")


@pytest.mark.parametrize("rest", [b"x", b"\x28\xb5\x2f\xfd", zstandard.compress(b"y" * 99)[:-1]])
def test_what_follows_a_frame_must_be_one(rest):
    with pytest.raises(BadRequestError):
        decompress(zstandard.compress(b"x") + rest, "zstd")


def test_a_frame_that_holds_more_than_it_says_is_not_unpacked():
    size = 200 * 2**20
    bomb = zstandard.compress(bytes(size))
    assert bomb.count(size.to_bytes(4, "little")) == 1
    lying = bomb.replace(size.to_bytes(4, "little"), (1_000_000).to_bytes(4, "little"))
    tracemalloc.start()
    with pytest.raises(BadRequestError, match="zstd"):
        decompress(lying, "zstd")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MAX_DECODED_BYTES


@given(st.binary(max_size=300), st.sampled_from(["gzip", "zstd"]))
def test_noise_is_a_bad_request_or_content(content, encoding):
    with contextlib.suppress(BadRequestError, TooLargeError):
        assert isinstance(decompress(content, encoding), bytes)


@pytest.mark.parametrize(("bomb", "encoding"), [(zstd_bomb, "zstd"), (gzip_bomb, "gzip")])
def test_a_bomb_is_refused_without_being_unpacked(bomb, encoding):
    body = bomb()
    assert len(body) < 1_000_000
    tracemalloc.start()
    with pytest.raises(TooLargeError):
        decompress(body, encoding)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * MAX_DECODED_BYTES


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_body_cut_short_is_damaged(encoding):
    whole = gzip.compress(b"{}" * 99) if encoding == "gzip" else zstandard.compress(b"{}" * 99)
    with pytest.raises(BadRequestError, match="cut short"):
        decompress(whole[:-3], encoding)


def test_an_unknown_encoding_is_named():
    with pytest.raises(UnsupportedError, match="'br'"):
        decompress(b"", "br")


def poison(document, change):
    columns = document["sensors"][0]
    match change:
        case "ragged":
            columns["level_dbfs"].pop()
        case "repeated seq":
            columns["seq"][4] = columns["seq"][3]
        case "unknown sensor":
            columns["sensor"] = "00000000-0000-4000-8000-000000000000"
        case "model index":
            columns["model"][2] = 5
        case "score":
            columns["score"][3] = 1.5
        case "time":
            columns["time_us"][1] = -1
        case _:
            poison_features(columns["features"], change)
    return json.dumps(document)


def poison_features(features, change):
    match change:
        case "short features":
            features["shape"][0] -= 1
        case "wrong schema":
            features["schema"] = "audiosense-99"
        case "wrong width":
            features["shape"][1] -= 1
        case "short data":
            features["data"] = features["data"][:-4]
        case "feature NaN":
            features["data"] = "AH4A" + features["data"][4:]


REFUSED = {
    "ragged": "sensors.0.level_dbfs",
    "short features": "sensors.0.features.shape",
    "repeated seq": "sensors.0.seq",
    "unknown sensor": "sensors.0.sensor",
    "wrong schema": "sensors.0.features.schema",
    "wrong width": "sensors.0.features.shape",
    "short data": "sensors.0.features.data",
    "feature NaN": "sensors.0.features.data",
    "model index": "sensors.0.model",
    "score": "sensors.0.score.3",
    "time": "sensors.0.time_us.1",
}


@pytest.mark.parametrize(("change", "named"), REFUSED.items())
async def test_a_bad_field_is_named_and_nothing_is_stored(runtime, make_agent, dump, change, named):
    agent = await make_agent()
    before = await count(runtime)
    response = await agent.post(poison(json.loads(dump(agent.batch(agent.columns(5)))), change))
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert [error["loc"] for error in response.json()["errors"]] == [named]
    assert "\n" not in response.json()["detail"]
    assert await count(runtime) == before
    await agent.send(agent.batch(agent.columns(1)))


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_numbers_that_are_not_finite_are_refused(runtime, make_agent, dump, literal):
    agent = await make_agent()
    before = await count(runtime)
    body = dump(agent.batch(agent.columns(5))).replace(b"120.0", literal.encode(), 1)
    response = await agent.post(body)
    assert response.status_code == 422
    assert "sensors.0.dominant_hz.0" in response.text
    assert await count(runtime) == before


@pytest.mark.parametrize(
    ("body", "encoding", "status", "loc"),
    [
        (b"no json", None, 400, "body"),
        (b"", None, 400, "body"),
        (b"\xff\xfe", None, 400, "body"),
        (b"[" * 100_000, None, 400, "body"),
        (b"{}", None, 422, "agent"),
        (b"[]", None, 422, "body"),
        (b"{}", "br", 415, "content-encoding"),
        (b"{}", "gzip", 400, "body"),
        (b"{}", "zstd", 400, "body"),
        (bytes(MAX_BODY_BYTES + 1), None, 413, "body"),
    ],
)
async def test_bodies_that_are_no_batch_are_refused(  # noqa: PLR0917 - fixtures
    runtime, make_agent, body, encoding, status, loc
):
    agent = await make_agent()
    before = await count(runtime)
    response = await agent.post(body, **({"Content-Encoding": encoding} if encoding else {}))
    assert response.status_code == status
    assert response.json()["status"] == status
    assert response.json()["errors"][0]["loc"] == loc
    assert await count(runtime) == before


async def test_a_body_of_100_megabytes_is_refused_before_it_is_read(make_agent):
    agent = await make_agent()
    sent = 0

    async def endless():
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield bytes(2**20)

    response = await agent.post(endless())
    assert response.status_code == 413
    assert sent < 20
    declared = await agent.post(b"{}", **{"Content-Length": str(100 * 2**20)})
    assert declared.status_code == 413


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_both_compressions_are_taken(make_agent, dump, encoding):
    agent = await make_agent()
    body = dump(agent.batch(agent.columns(200)))
    packed = gzip.compress(body) if encoding == "gzip" else zstandard.compress(body)
    response = await agent.post(packed, **{"Content-Encoding": encoding})
    assert response.json()["stored"] == 200


async def test_another_agents_sensor_is_refused(make_agent, dump):
    mine, other = await make_agent(), await make_agent()
    response = await mine.post(dump(mine.batch(mine.columns(2, sensor=next(iter(other.sensors.values()))))))
    assert response.status_code == 422
    assert "sensors.0.sensor" in response.text
