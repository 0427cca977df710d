"""Probes, figures and logs of a real collector: what an operator's tools read."""

import asyncio
import contextlib
import json
import logging
import re
import ssl
from dataclasses import replace
from pathlib import Path

import httpx
import psycopg
import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from audiosense_agent.client import Client
from audiosense_collector.auth.roles import Role
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.db.migrate import newest_revision
from audiosense_collector.health import service as health
from audiosense_collector.metrics import fleet
from audiosense_collector.metrics.routes import create_metrics_app
from audiosense_collector.server import running

LIMIT_S = 60


@pytest.fixture
async def served(settings, database_url, sign_in_to):
    async with running(settings, database_url) as (addresses, runtime, _tasks):
        await runtime.hub.listening.wait()
        trust = ssl.create_default_context(cadata=runtime.tls.ca_pem)
        signed_in = await sign_in_to(runtime, Role.ADMINISTRATOR)
        async with (
            httpx.AsyncClient(base_url=addresses.agents, verify=trust, trust_env=False) as agents,
            httpx.AsyncClient(base_url=addresses.http, trust_env=False, **signed_in) as browser,
            httpx.AsyncClient(base_url=addresses.metrics, trust_env=False) as metrics,
        ):
            yield runtime, agents, browser, metrics


async def read(metrics):
    """The samples of a scrape by name and labels, as Prometheus' own parser reads them."""
    response = await metrics.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }, response.text


def value(samples, name, **labels):
    return samples.get((name, frozenset(labels.items())), 0.0)


async def test_prometheus_is_told_where_each_of_several_processes_has_its_figures(runtime):
    async def listed(url, **changes):
        told = replace(runtime, environment=runtime.environment.model_copy(update=changes))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(create_metrics_app(told))) as client:
            answer = await client.get(f"{url}/processes")
        # Prometheus takes nothing else, and wants exactly this type.
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        return answer.json()

    three = {"processes": 3, "metrics_port": 9464}
    both = ["collector:9465", "collector:9466"]
    assert await listed("http://collector:9464", **three) == [{"targets": both, "labels": {}}]
    (group,) = await listed("http://[::1]:9464", **three)
    assert group["targets"] == ["[::1]:9465", "[::1]:9466"]
    # These are the ports that the processes take.
    assert [runtime.environment.model_copy(update=three).metrics_port_of(place) for place in (1, 2)] == [9465, 9466]
    assert await listed("http://collector:9464", processes=1, metrics_port=9464) == []
    assert await listed("http://collector:9464", processes=3, metrics_port=0) == []


async def test_figures_move_by_real_batches(served, make_agent, dump, monkeypatch):
    runtime, agents, browser, metrics = served
    monkeypatch.setattr(fleet, "KEPT_S", 0)
    before, _ = await read(metrics)
    agent = await make_agent(client=agents, name="Hall 3 secret")
    body = dump(agent.batch(agent.columns(7)))
    first = await agent.post(body)
    assert (await agent.post(body)).json() == first.json()
    agent.token = first.json()["token"]
    again = agent.batch(agent.columns(2), token=agent.token)
    again.sensors[0].seq[:] = [0, 1]
    again.sensors[0].time_us[:] = json.loads(body)["sensors"][0]["time_us"][:2]
    assert (await agent.send(again))["repeated"] == 2
    assert (await agent.post(b"{")).status_code == 400
    assert (await agents.post("/api/v1/batches", content=body)).status_code == 401
    with contextlib.ExitStack() as full:
        for _ in range(runtime.gate.most):
            full.enter_context(runtime.gate.entered())
        assert (await agent.post(body)).status_code == 503
        during, _ = await read(metrics)
    await browser.get(f"/api/v1/sensors/{next(iter(agent.sensors.values()))}/series")
    await browser.get("/wp-login.php")
    await browser.get("/api/v1/nothing/of/the/kind")
    after, text = await read(metrics)

    def moved(name, **labels):
        return value(after, name, **labels) - value(before, name, **labels)

    assert moved("audiosense_ingest_rows_total", result="stored") == 7, "a batch sent again is counted once"
    assert moved("audiosense_ingest_rows_total", result="repeated") == 2
    expected = {"stored": 3, "refused": 1, "invalid": 1, "put_off": 1, "failed": 0}
    assert {name: moved("audiosense_ingest_batches_total", outcome=name) for name in expected} == expected
    assert moved("audiosense_ingest_turned_away_total") == 1
    assert moved("audiosense_ingest_commit_batches_sum") == 2, "the repeat was answered without storing"
    assert moved("audiosense_ingest_body_bytes_total") > 2 * len(body)
    assert value(during, "audiosense_ingest_queue") == runtime.gate.most
    assert value(during, "audiosense_ingest_queue_limit") == runtime.gate.most
    batches = {"port": "agent", "method": "POST", "route": "/api/v1/batches"}
    assert moved("audiosense_http_request_duration_seconds_count", **batches) == 6
    assert moved("audiosense_http_requests_total", **batches, status="401") == 1
    series = {"port": "browser", "method": "GET", "route": "/api/v1/sensors/{sensor_id}/series"}
    assert moved("audiosense_http_request_duration_seconds_count", **series) == 1
    assert value(after, "audiosense_agents", state="active") >= 1
    assert value(after, "audiosense_sensors", status="learning") >= 1
    assert value(after, "audiosense_agent_silence_seconds_bucket", le="15.0") >= 1
    assert value(after, "audiosense_agent_lag_seconds_bucket", le="60.0") >= 1
    assert value(after, "audiosense_partitions_ahead", table="measurement") == 2
    assert value(after, "audiosense_partitions_ahead", table="rollup_minute") == 1
    assert value(after, "audiosense_database_bytes") > 1e6
    assert value(after, "audiosense_database_up") == 1
    assert value(after, "audiosense_workers") >= 1
    routes = {dict(labels)["route"] for name, labels in after if name == "audiosense_http_requests_total"}
    assert "dashboard" in routes
    for private in ("Hall 3", str(agent.id), agent.credential, "wp-login"):
        assert private not in text, "figures hold no name, no id and nothing that a stranger typed"


async def test_browsers_that_watch_are_counted_and_their_hours_are_no_latency(served):
    _runtime, _agents, browser, metrics = served
    async with browser.stream("GET", "/api/v1/live") as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        watched, _ = await read(metrics)
    assert value(watched, "audiosense_live_clients") == 1
    async with asyncio.timeout(LIMIT_S):
        while value((await read(metrics))[0], "audiosense_live_clients"):  # noqa: ASYNC110 - as Prometheus asks
            await asyncio.sleep(0.02)
    after, _ = await read(metrics)
    stream = {"port": "browser", "method": "GET", "route": "/api/v1/live"}
    assert value(after, "audiosense_http_requests_total", **stream, status="200") >= 1
    assert value(after, "audiosense_http_request_duration_seconds_count", **stream) == 0


async def test_probes_answer_on_every_port_and_tell_what_fails(served, database_url, monkeypatch):
    monkeypatch.setattr(health, "KEPT_S", 0)
    runtime, agents, browser, metrics = served
    for port in (agents, browser, metrics):
        assert (await port.get("/healthz")).json() == {"status": "ok"}
        response = await port.get("/readyz")
        assert response.status_code == 200
        assert response.json() == {
            "status": "ok",
            "checks": {"database": "ok", "schema": "ok", "queue": "ok", "worker": "ok"},
        }
    with contextlib.ExitStack() as full:
        for _ in range(runtime.gate.most):
            full.enter_context(runtime.gate.entered())
        assert await failing(metrics) == ["queue"]
    with psycopg.connect(libpq_url(database_url), autocommit=True) as connection:
        for revision, found in (("0015", ["schema"]), ("9999", []), (newest_revision(), [])):
            held = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
            connection.execute("UPDATE alembic_version SET version_num = %s", [revision])
            assert await failing(metrics) == found, "a newer schema serves the release before it too"
            connection.execute("UPDATE alembic_version SET version_num = %s", [held])
    runtime.health.conninfo = "postgresql://nobody@127.0.0.1:1/none"
    assert await failing(metrics) == ["database", "schema"]
    assert (await metrics.get("/healthz")).status_code == 200, "a process is not restarted because its database is away"
    assert "127.0.0.1" not in (await metrics.get("/readyz")).text


async def failing(port):
    response = await port.get("/readyz")
    checks = response.json()["checks"]
    names = sorted(name for name, word in checks.items() if word != "ok")
    assert (response.status_code, response.json()["status"]) == ((503, "not ok") if names else (200, "ok"))
    return names


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-1.2_3", True), ("x" * 64, True), ("x" * 65, False), ("a b", False), ("<i>", False)]
)
async def test_a_request_has_a_number_in_its_answer_and_in_its_problem(browser, given, kept):
    response = await browser.get("/api/v1/sensors/none/series", headers={"X-Request-Id": given})
    number = response.headers["x-request-id"]
    assert (number == given) is kept
    assert response.json()["request_id"] == number
    assert 16 <= len(number) <= 64 or kept


async def test_a_request_has_one_number_in_the_agents_log_and_in_the_collectors(settings, database_url, caplog):
    caplog.set_level(logging.DEBUG, logger="audiosense_agent")
    told = settings.model_copy(update={"access_log": True})
    async with asyncio.timeout(LIMIT_S), running(told, database_url) as (addresses, runtime, _tasks):
        with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
            client = Client(addresses.agents, runtime.tls.ca_pem, "no credential of anybody")
            reply = await asyncio.to_thread(client.request, "POST", "/api/v1/batches", body=b"{}")
            client.close()
    assert reply.code == 401
    (logged,) = [line for line in lines if line["event"] == "request" and line["port"] == "agent"]
    assert logged["request_id"] == reply.request_id == reply.headers["x-request-id"]
    assert json.loads(reply.content)["request_id"] == reply.request_id
    assert f"request {reply.request_id}: POST /api/v1/batches: 401" in caplog.messages


async def test_each_figure_that_dashboard_and_alerts_use_is_exported_and_each_is_explained(served, make_agent):
    _runtime, agents, browser, metrics = served
    await make_agent(client=agents)
    await browser.get("/api/v1/system")
    samples, text = await read(metrics)
    exported = {name for name, _labels in samples}
    root = Path(__file__).parents[2]
    files = [root / "deploy/docker/prometheus/alerts.yml", root / "deploy/docker/grafana/dashboards/audiosense.json"]
    alerts, dashboard = (file.read_text() for file in files)
    queries = re.findall(r"expr: >-\n(.*)\n", alerts)
    queries += [target["expr"] for panel in json.loads(dashboard)["panels"] for target in panel["targets"]]
    used = {name for query in queries for name in re.findall(r"\b(?:audiosense|process)_\w+", query)}
    assert len(used) > 30
    assert used - exported - {"audiosense_jobs"} == set(), "jobs have no series before the first one"
    families = set(re.findall(r"^# TYPE (audiosense_\w+) ", text, re.MULTILINE)) | {"audiosense_jobs"}
    explained = (root / "docs/operations.md").read_text()
    described = {name for name in families if not name.endswith(("_created", "_gsum", "_gcount"))}
    assert {name for name in described if f"`{name}`" not in explained} == set()
    names = re.findall(r"alert: (\w+)", alerts)
    assert len(names) > 15
    assert [name for name in names if f"`{name}`" not in explained] == []
