"""Who may use the developer interface, and what it can reach."""

from uuid import uuid4

import psycopg
import pytest

from audiosense_collector.db.engine import libpq_url
from audiosense_collector.developer.access import is_developer_path

CALLS = [
    ("GET", "/analyses"),
    ("GET", "/analyses/"),
    ("GET", "/analyses/logs"),
    ("GET", "/analyses/kpis"),
    ("GET", "/analyses/events"),
    ("POST", "/v2/generate"),
    ("POST", "/v2/train"),
    ("POST", "/v2/update"),
    ("POST", "/v2/clear"),
    ("POST", "/anomaly/train"),
    ("GET", "/anomaly/stream"),
    ("POST", "/analyze"),
]
ORIGIN = {"Origin": "http://dashboard.example:3000"}
PREFLIGHT = {**ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


async def test_without_developer_mode_every_call_is_not_found(open_client):
    async with open_client(developer_mode=False) as client:
        for method, path in CALLS:
            answer = await client.request(method, path, headers=ORIGIN)
            assert answer.status_code == 404, (method, path)
            assert "AUDIOSENSE_DEVELOPER_MODE=1" in answer.json()["detail"]
            assert "access-control-allow-origin" not in answer.headers


async def test_another_computer_needs_the_token(open_client, monkeypatch):
    monkeypatch.setenv("AUDIOSENSE_DEVELOPER_TOKEN", "a-token-of-some-length")
    wrong = ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic a-token-of-some-length"})
    async with open_client("192.0.2.7") as client:
        for method, path in CALLS:
            for headers in wrong:
                assert (await client.request(method, path, headers=headers)).status_code == 401, (method, path)
            right = await client.request(method, path, headers={"Authorization": "Bearer a-token-of-some-length"})
            assert right.status_code in {200, 409, 422}, (method, path)


async def test_without_a_token_set_no_other_computer_is_answered(open_client, monkeypatch):
    monkeypatch.delenv("AUDIOSENSE_DEVELOPER_TOKEN", raising=False)
    async with open_client("192.0.2.7") as client:
        assert (await client.get("/analyses/kpis", headers={"Authorization": "Bearer "})).status_code == 401


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
async def test_loopback_needs_no_token_unless_the_request_was_forwarded(open_client, address):
    async with open_client(address) as client:
        assert (await client.get("/analyses/kpis")).status_code == 200
        assert (await client.get("/analyses/kpis", headers={"X-Forwarded-For": "192.0.2.7"})).status_code == 401


async def test_pages_of_any_origin_may_call_by_default(open_client):
    async with open_client() as client:
        assert (await client.get("/analyses/kpis", headers=ORIGIN)).headers["access-control-allow-origin"] == "*"
        preflight = await client.options("/v2/train", headers=PREFLIGHT)
    assert preflight.status_code == 200
    assert "authorization" in preflight.headers["access-control-allow-headers"]


async def test_pages_of_the_configured_origins_only_may_call(open_client):
    async with open_client(cors_origins="http://dashboard.example:3000") as client:
        answer = await client.get("/analyses/kpis", headers=ORIGIN)
        assert answer.headers["access-control-allow-origin"] == ORIGIN["Origin"]
        other = {**PREFLIGHT, "Origin": "http://other.example"}
        assert (await client.options("/v2/train", headers=other)).status_code == 400


async def test_no_other_interface_has_cross_origin_headers(open_client):
    async with open_client() as client:
        for path in ("/api/v1/system", "/api/v1/analyses", "/"):
            assert "access-control-allow-origin" not in (await client.get(path, headers=ORIGIN)).headers


def test_paths_that_only_begin_alike_are_not_the_developer_interface():
    assert is_developer_path("/analyses/kpis")
    assert not is_developer_path("/analysesx")
    assert not is_developer_path("/api/v1/analyses")


async def test_the_sandbox_calls_leave_real_measurements_and_models_untouched(client, database_url):
    sensor, digest = uuid4(), uuid4().hex * 2
    with psycopg.connect(libpq_url(database_url), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO measurement (sensor_id, time, epoch, seq, level_dbfs, dominant_hz, status, schema, features)"
            " SELECT %s, now() - n * interval '5 s', %s, n, -20, 100, 0, 1, '' FROM generate_series(1, 100) AS n",
            [sensor, uuid4()],
        )
        connection.execute("INSERT INTO model_digest (digest, threshold) VALUES (%s, 0.5)", [digest])
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'developer_%%'"
                " AND tablename NOT LIKE 'measurement_%%'"
            ).fetchall()
        ]

        def contents():
            query = "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM \"{}\" AS t"
            return {name: connection.execute(query.format(name)).fetchone() for name in tables}

        before = contents()
        for path in ("/v2/generate", "/anomaly/train?window_size=10", "/v2/train", "/v2/update", "/v2/clear"):
            assert (await client.post(path)).is_success
        assert contents() == before
        kept = connection.execute("SELECT count(*) FROM measurement WHERE sensor_id = %s", [sensor]).fetchone()
        assert kept == (100,)
        assert connection.execute("SELECT count(*) FROM developer_measurement").fetchone() == (0,)
