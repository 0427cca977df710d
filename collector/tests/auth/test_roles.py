"""Every operation of both ports against every kind of caller: a table that must name each operation that there is."""

import uuid

import pytest
from fastapi import APIRouter

from audiosense_collector.app import AGENT_ROUTERS, BROWSER_ROUTERS, browser_document
from audiosense_collector.auth.roles import PUBLIC, Requires, Role, demands_of
from audiosense_collector.clock import HOUR_US, now_us

NONE = uuid.UUID(int=7)
DIGEST = "0" * 64
# Callers: nobody, viewer, operator, administrator, an administrator's token, an agent's credential.
CALLERS = ("nobody", "viewer", "operator", "administrator", "token", "agent")
READ = "401 200 200 200 200 401"
OPERATE = "401 403 {0} {0} {0} 401"
ADMINISTER = "401 403 403 {0} {0} 401"
OWN = "401 {0} {0} {0} 403 401"
OPEN = "{0} {0} {0} {0} {0} {0}"
BROWSER = {
    ("GET", "/api/v1/system"): READ,
    ("GET", "/api/v1/fleet"): READ,
    ("GET", "/api/v1/machines/{machine_id}"): READ,
    ("PATCH", "/api/v1/sensors/{sensor_id}"): ADMINISTER.format(200),
    ("GET", "/api/v1/sensors/{sensor_id}/series"): READ,
    ("GET", "/api/v1/sensors/{sensor_id}/bands"): READ,
    ("GET", "/api/v1/sensors/{sensor_id}/export"): READ,
    ("GET", "/api/v1/features"): READ,
    ("POST", "/api/v1/exports"): OPERATE.format(422),
    ("GET", "/api/v1/exports"): READ,
    ("GET", "/api/v1/exports/{export_id}"): "401 404 404 404 404 401",
    ("GET", "/api/v1/exports/{export_id}/file"): "401 404 404 404 404 401",
    ("DELETE", "/api/v1/exports/{export_id}"): OPERATE.format(404),
    ("GET", "/api/v1/events"): READ,
    ("GET", "/api/v1/events/{event_id}"): "401 404 404 404 404 401",
    ("GET", "/api/v1/events/{event_id}/history"): "401 404 404 404 404 401",
    ("GET", "/api/v1/events/{event_id}/normal-clip"): "401 404 404 404 404 401",
    ("POST", "/api/v1/reviews"): OPERATE.format(404),
    ("POST", "/api/v1/reviews/undo"): OPERATE.format(404),
    ("POST", "/api/v1/sensors/{sensor_id}/train"): OPERATE.format("202|409"),
    ("POST", "/api/v1/training"): OPERATE.format(422),
    ("GET", "/api/v1/jobs"): READ,
    ("GET", "/api/v1/jobs/{job_id}"): "401 404 404 404 404 401",
    ("GET", "/api/v1/models"): READ,
    ("GET", "/api/v1/models/{digest}"): "401 404 404 404 404 401",
    ("GET", "/api/v1/models/{digest}/bundle"): OPERATE.format(404),
    ("GET", "/api/v1/sensor-models"): READ,
    ("POST", "/api/v1/models/{digest}/push"): ADMINISTER.format(404),
    ("POST", "/api/v1/models/{digest}/evaluations"): OPERATE.format(404),
    ("GET", "/api/v1/models/{digest}/evaluations"): READ,
    ("GET", "/api/v1/models/{digest}/evaluations/{evaluation_id}"): "401 404 404 404 404 401",
    ("GET", "/api/v1/sensors/{sensor_id}/detectability"): READ,
    ("GET", "/api/v1/sensors/{sensor_id}/drift"): READ,
    ("GET", "/api/v1/agents"): READ,
    ("GET", "/api/v1/agents/{agent_id}"): READ,
    ("GET", "/api/v1/enrolment-keys"): ADMINISTER.format(200),
    ("POST", "/api/v1/enrolment-keys"): ADMINISTER.format(201),
    ("GET", "/api/v1/enrolment-keys/{key_id}"): ADMINISTER.format(404),
    ("POST", "/api/v1/enrolment-keys/{key_id}/revoke"): ADMINISTER.format(404),
    ("POST", "/api/v1/agents/{agent_id}/revoke"): ADMINISTER.format(200),
    ("POST", "/api/v1/agents/{agent_id}/accept"): ADMINISTER.format("200|409"),
    ("POST", "/api/v1/agents/{agent_id}/rotate"): ADMINISTER.format("200|409"),
    ("GET", "/api/v1/agents/{agent_id}/checks"): READ,
    ("GET", "/api/v1/agents/{agent_id}/gaps"): READ,
    ("GET", "/api/v1/sensors/{sensor_id}/gaps"): READ,
    ("GET", "/api/v1/notes"): READ,
    ("POST", "/api/v1/notes"): OPERATE.format(201),
    ("PATCH", "/api/v1/notes/{note_id}"): OPERATE.format(404),
    ("DELETE", "/api/v1/notes/{note_id}"): OPERATE.format(404),
    ("POST", "/api/v1/notes/{note_id}/restore"): OPERATE.format(404),
    ("GET", "/api/v1/live"): READ,
    ("POST", "/api/v1/analyses"): OPERATE.format("415|422"),
    ("GET", "/api/v1/analyses"): READ,
    ("GET", "/api/v1/analyses/{analysis_id}"): "401 404 404 404 404 401",
    ("GET", "/api/v1/analyses/{analysis_id}/spectrogram"): OPERATE.format(404),
    ("GET", "/api/v1/analyses/{analysis_id}/scores"): "401 404 404 404 404 401",
    ("DELETE", "/api/v1/analyses/{analysis_id}"): OPERATE.format(404),
    ("GET", "/api/v1/clips"): READ,
    ("GET", "/api/v1/clips/{clip_id}"): OPERATE.format(404),
    ("GET", "/api/v1/clips/{clip_id}/spectrogram"): OPERATE.format(404),
    ("PATCH", "/api/v1/clips/{clip_id}"): OPERATE.format(404),
    ("DELETE", "/api/v1/clips/{clip_id}"): ADMINISTER.format(404),
    ("GET", "/api/v1/clip-audit"): OPERATE.format(200),
    ("GET", "/api/v1/sensors/{sensor_id}/clips-permission"): READ,
    ("PUT", "/api/v1/sensors/{sensor_id}/clips-permission"): ADMINISTER.format(200),
    ("PUT", "/api/v1/sites/{site_id}/clips-permission"): ADMINISTER.format(404),
    ("GET", "/api/v1/session"): "200 200 200 200 200 401",
    ("POST", "/api/v1/session"): "401 401 401 401 401 401",
    ("POST", "/api/v1/setup"): "403 403 403 403 403 401",
    ("DELETE", "/api/v1/session"): OWN.format(204),
    ("GET", "/api/v1/account/sessions"): OWN.format(200),
    ("DELETE", "/api/v1/account/sessions"): OWN.format(204),
    ("DELETE", "/api/v1/account/sessions/{session_id}"): OWN.format(404),
    ("PUT", "/api/v1/account/password"): OWN.format(422),
    ("GET", "/api/v1/users"): ADMINISTER.format(200),
    ("POST", "/api/v1/users"): ADMINISTER.format(422),
    ("PATCH", "/api/v1/users/{user_id}"): ADMINISTER.format(404),
    ("GET", "/api/v1/tokens"): ADMINISTER.format(200),
    ("POST", "/api/v1/tokens"): ADMINISTER.format(201),
    ("DELETE", "/api/v1/tokens/{token_id}"): ADMINISTER.format(404),
    ("GET", "/api/v1/audit"): ADMINISTER.format(200),
    ("GET", "/api/v1/audit/terms"): ADMINISTER.format(200),
    ("GET", "/api/v1/audit/file"): ADMINISTER.format(200),
    ("GET", "/api/v1/audit/verification"): ADMINISTER.format(200),
    ("GET", "/api/v1/sites"): READ,
    ("POST", "/api/v1/sites"): ADMINISTER.format(422),
    ("PATCH", "/api/v1/sites/{site_id}"): ADMINISTER.format(422),
    ("DELETE", "/api/v1/sites/{site_id}"): ADMINISTER.format(404),
    ("GET", "/api/v1/machines"): READ,
    ("POST", "/api/v1/machines"): ADMINISTER.format(422),
    ("PATCH", "/api/v1/machines/{machine_id}"): OPERATE.format(200),
    ("DELETE", "/api/v1/machines/{machine_id}"): ADMINISTER.format(409),
    ("GET", "/api/v1/tags"): READ,
    ("PUT", "/api/v1/sensors/{sensor_id}/place"): ADMINISTER.format(200),
    ("PUT", "/api/v1/sensors/{sensor_id}/calibration"): ADMINISTER.format(422),
    ("DELETE", "/api/v1/sensors/{sensor_id}/calibration"): ADMINISTER.format(200),
    ("GET", "/api/v1/policies"): READ,
    ("GET", "/api/v1/policies/{setting}/loss"): "401 403 403 200 200 401",
    ("PUT", "/api/v1/policies/{setting}"): ADMINISTER.format(422),
    ("GET", "/healthz"): OPEN.format(200),
    ("GET", "/readyz"): OPEN.format("200|503"),
    # Off without AUDIOSENSE_DEVELOPER_MODE; developer/test_access.py has the rest.
    **{
        operation: OPEN.format(404)
        for operation in (
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
        )
    },
}
# An agent's credential opens these; to it the cookie and the token of an administrator are unknown credentials.
AGENTS = {
    ("GET", "/api/v1/trust"): OPEN.format(200),
    ("GET", "/healthz"): OPEN.format(200),
    ("GET", "/readyz"): OPEN.format("200|503"),
    ("POST", "/api/v1/enrol"): OPEN.format(422),
    ("PUT", "/api/v1/agent/sensors"): "401 401 401 401 401 422",
    ("POST", "/api/v1/agent/credential"): "401 401 401 401 401 201|409",
    ("POST", "/api/v1/batches"): "401 401 401 401 401 400|422",
    ("GET", "/api/v1/bundles/{digest}"): "401 401 401 401 401 404",
    ("POST", "/api/v1/probes"): "401 401 401 401 401 400|422",
    ("PUT", "/api/v1/clips/{clip_id}"): "401 401 401 401 401 404|422",
}
BODIES = {
    "/api/v1/reviews": {"events": [str(NONE)], "verdict": "false_alarm", "cause": "people"},
    "/api/v1/reviews/undo": {"verdicts": [2**62]},
    "/api/v1/session": {"name": "nobody", "password": "no such user has this"},
    "/api/v1/setup": {"link": "x", "name": "anna", "password": "a few words in a row"},
    "/api/v1/account/password": {"current": "it has none at all", "new": "a few words in a row"},
    "/api/v1/users": {"name": "anna", "role": "viewer", "password": "short"},
}


def operations(routers):
    """All of them, also those that the document does not show."""
    return {
        (method, route.path)
        for router in routers
        for route in router.routes
        for method in getattr(route, "methods", ())
    }


@pytest.mark.parametrize(("table", "routers"), [(BROWSER, BROWSER_ROUTERS), (AGENTS, AGENT_ROUTERS)])
def test_the_table_names_every_operation(table, routers):
    assert operations(routers) == set(table)


@pytest.fixture
async def callers(runtime, open_browser, agents_port, make_agent, monkeypatch):
    """What each caller sends, and real ids for the paths."""
    runtime.hub.end_streams()
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    administrator = await open_browser(Role.ADMINISTRATOR)
    made = await administrator.post("/api/v1/tokens", json={"name": str(uuid.uuid4()), "scope": "administrator"})
    fleet = (await administrator.get("/api/v1/fleet")).json()["machines"]
    machine = next(m["id"] for m in fleet if any(s["id"] == sensor for s in m["sensors"]))
    ids = {"sensor_id": sensor, "agent_id": agent.id, "machine_id": machine, "digest": DIGEST, "job_id": 2**62}
    nowhere = ["event", "clip", "analysis", "site", "session", "user", "token", "export", "evaluation", "note", "key"]
    ids |= {f"{name}_id": NONE for name in nowhere} | {"setting": "retention_days"}
    anonymous = await open_browser()
    bearers = {"token": made.json()["token"], "agent": agent.credential}

    async def ask(caller, method, path, *, agents=False):
        options = {}
        client = anonymous
        if caller in tuple(Role):
            client = await open_browser(Role(caller))
        if caller in bearers:
            options["headers"] = {"Authorization": f"Bearer {bearers[caller]}"}
        if agents:
            options.setdefault(
                "headers", dict(client.headers) | {"Cookie": "; ".join(map("=".join, client.cookies.items()))}
            )
            client = agents_port
        body = BODIES.get(path, {"name": str(uuid.uuid4()), "scope": "viewer"} if path.endswith("/tokens") else {})
        if path.endswith("clips-permission"):
            body = {"allowed": True}
        elif path == "/api/v1/notes":
            body = {"machine_id": machine, "text": "belt changed"}
        elif path == "/api/v1/clips/{clip_id}":
            body = {"locked": True}
        if method in {"POST", "PUT", "PATCH"}:
            options["json"] = body
        return await client.request(method, path.format(**ids), **options)

    return ask


@pytest.mark.parametrize("caller", CALLERS)
async def test_each_caller_gets_what_the_table_says_from_every_operation(callers, caller):
    wrong, document = [], browser_document()
    for table, agents in ((BROWSER, False), (AGENTS, True)):
        for (method, path), expected in table.items():
            answer = await callers(caller, method, path, agents=agents)
            allowed = dict(zip(CALLERS, expected.split(), strict=True))[caller].split("|")
            if str(answer.status_code) not in allowed:
                wrong.append(f"{method} {path}: {answer.status_code}, expected {allowed}: {answer.text[:200]}")
            if not agents and path.startswith("/api/"):
                declared = document["paths"][path][method.lower()]["responses"]
                assert str(answer.status_code) in declared, f"{method} {path} does not declare {answer.status_code}"
            if answer.status_code in {401, 403}:
                assert answer.headers["content-type"] == "application/problem+json"
    assert not wrong, "\n".join(wrong)


async def test_a_role_that_does_not_do_is_told_which_does(viewer):
    answer = await viewer.post(f"/api/v1/models/{DIGEST}/push")
    assert answer.status_code == 403
    assert answer.json()["type"] == "needs_administrator"
    assert "administrator" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/api/v1/fleet", "/api/v1/nothing", "/api/v1/openapi.json", "/api", "/api/v2/x"])
async def test_without_signing_in_not_even_what_there_is_is_told(anonymous, path):
    for method in ("GET", "HEAD", "POST", "OPTIONS", "DELETE"):
        assert (await anonymous.request(method, path)).status_code == 401


def test_a_route_that_declares_nothing_or_too_little_stops_the_start():
    bare, read_only, fine = APIRouter(), APIRouter(dependencies=[Requires(Role.VIEWER)]), APIRouter()
    bare.get("/x")(lambda: None)
    with pytest.raises(TypeError, match=r"\['GET'\] /x declares no role"):
        demands_of([bare])
    read_only.post("/x")(lambda: None)
    with pytest.raises(TypeError, match="changes something"):
        demands_of([read_only])
    fine.post("/x", dependencies=[PUBLIC])(lambda: None)
    fine.put("/x", dependencies=[Requires(Role.VIEWER), Requires(Role.OPERATOR)])(lambda: None)
    fine.delete("/x", dependencies=[Requires(Role.VIEWER, own=True)])(lambda: None)
    assert demands_of([fine]) == {("POST", "/x"): None, ("PUT", "/x"): Role.OPERATOR, ("DELETE", "/x"): Role.VIEWER}


async def test_what_changed_of_a_user_holds_from_the_next_request_on(browser, open_browser):
    ben = await open_browser(Role.OPERATOR, name="ben")
    users = (await browser.get("/api/v1/users", params={"limit": 1_000})).json()["items"]
    (user,) = [user for user in users if user["name"] == "ben"]
    assert user["sessions"] == 1
    assert abs(user["last_sign_in_us"] - now_us()) < HOUR_US
    path = f"/api/v1/users/{user['id']}"
    assert (await ben.get("/api/v1/clip-audit")).status_code == 200
    assert (await browser.patch(path, json={"role": "viewer"})).status_code == 200
    assert (await ben.get("/api/v1/clip-audit")).status_code == 403
    assert (await browser.patch(path, json={"role": "operator"})).status_code == 200
    assert (await ben.get("/api/v1/clip-audit")).status_code == 200
    assert (await browser.patch(path, json={"disabled": True})).status_code == 200
    assert (await ben.get("/api/v1/fleet")).status_code == 401
    # Enabled again, one has to sign in again.
    assert (await browser.patch(path, json={"disabled": False})).json()["disabled_us"] is None
    assert (await ben.get("/api/v1/fleet")).status_code == 401
