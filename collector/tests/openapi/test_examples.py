"""The OpenAPI document: each example is what a collector answers, and each operation declares every error it gives."""

import ast
import functools
import inspect
import io
import json
import os
import re
import sys
import textwrap
import uuid

import jsonschema_rs
import numpy as np
import pytest
import soundfile
from clip_testing import event_of, flac, put
from fastapi.routing import APIRoute

from audiosense_collector import errors
from audiosense_collector.app import BROWSER_ROUTERS, browser_document
from audiosense_collector.auth import setup
from audiosense_collector.auth.middleware import PAGE_HEADER
from audiosense_collector.clock import HOUR_US, now_us
from audiosense_collector.openapi_examples import FILE, JSON
from audiosense_common.wire import Heartbeat, RunningModel, Status
from audiosense_common.wire_checks import Check, CheckFigure, CheckState
from audiosense_common.wire_gaps import Gap

API = "/api/v1/"
RECORD = "AUDIOSENSE_RECORD_EXAMPLES"
OWN = {"read_series", "read_bands"}
"""Their schemas bring an example along: what columns of a chart look like, in short."""
LONGEST = 8_000
"""Characters that are left of a text, such as a picture's."""
PLAIN = {"token": "as_4dY0…", "enrolment_key": "audiosense-1-eyJ1…", "link": "C-xx3h…", "worker": "host-2:4711"}
MOST = 3
"""Items that are left of a list in an example."""
PASSWORD = "a few words in a row"
STATUS_OF = {
    name: int(found.status)
    for name, found in vars(errors).items()
    if isinstance(found, type) and issubclass(found, errors.RequestError)
}


@functools.cache
def document():
    """Made when it is first asked for: every worker imports this module, and it takes seconds."""
    return browser_document()


@functools.cache
def operations():
    return {
        operation["operationId"]: (method, path, operation)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
        if path.startswith(API)
    }


class Asking:
    """Sends requests by the operation's name, and keeps what was sent and answered."""

    def __init__(self, browser):
        self.browser = browser
        self.kept = {}

    async def __call__(self, name, *, json=None, params=None, files=None, client=None, **ids):
        method, path, operation = operations()[name]
        answer = await (client or self.browser).request(
            method.upper(),
            path.format(**ids),
            params=params,
            **({"json": json} if json is not None else {}),
            files=files,
        )
        assert answer.is_success, f"{name}: {answer.status_code} {answer.text}"
        assert str(answer.status_code) in operation["responses"]
        found = {"request": shortened(json)} if json is not None else {}
        if answer.content and answer.headers["content-type"] == JSON:
            found["response"] = shortened(answer.json())
        self.kept[name] = found
        return answer.json() if "response" in found else answer


def shortened(value):
    """Leave out what makes an example long, and what is of this computer or looks like a secret."""
    if isinstance(value, dict):
        return {key: PLAIN.get(key, shortened(each)) if each is not None else None for key, each in value.items()}
    if isinstance(value, list):
        return [shortened(each) for each in value[:MOST]]
    return value[:LONGEST] if isinstance(value, str) else value


async def work(runtime):
    await runtime.jobs.run_worker_async(
        wait=False, install_signal_handlers=False, listen_notify=False, additional_context={"runtime": runtime}
    )


async def hear(agent, runtime):
    """What a machine's first day brings: a model, an event with its clip, a gap, self-checks."""
    sensor = next(iter(agent.sensors.values()))
    await agent.send(agent.batch(agent.columns(40, start_us=now_us() - HOUR_US)))
    await work(runtime)
    wanted = (await agent.send(agent.batch()))["desired"][sensor]
    event = event_of(sensor)
    figures = [CheckFigure(key="full_scale", value=3.2, unit="%")]
    check = Check(
        key="sensor_clipped",
        sensor=sensor,
        state=CheckState.FAILED,
        cause="full_scale",
        evidence=figures,
        remedy="Lower it.",
    )
    lost = {"sensor": sensor, "reason": "spool_full", "windows": 3, "first_seq": 1, "last_seq": 3}
    gap = Gap(epoch=agent.epoch, number=1, first_us=now_us() - 9_000_000, last_us=now_us(), **lost)
    columns = agent.columns(30, status=Status.NORMAL, score=0.4, digest=wanted["digest"])
    running = {sensor: RunningModel(digest=wanted["digest"], version=1)}
    beat = Heartbeat(version="0.2.0", checks=[check])
    await agent.send(agent.batch(columns, events=[event], gaps=[gap], running=running, heartbeat=beat))
    assert (await put(agent, event.id, flac(), sensor=sensor, start_us=event.start_us)).status_code == 200
    return sensor, event, wanted["digest"]


def recording():
    tone = 0.5 * np.sin(2 * np.pi * 1_000 * np.arange(6 * 16_000) / 16_000)
    file = io.BytesIO()
    soundfile.write(file, tone, 16_000, format="WAV")
    return file.getvalue()


@pytest.fixture
async def answered(runtime, open_browser, make_agent, register):
    """What a collector answers to each operation that gives JSON, as the first administrator asks."""
    browser = await open_browser()
    browser.headers[PAGE_HEADER] = "1"
    ask = Asking(browser)
    await administer(ask, runtime)
    agent = await make_agent(register(machine="Press 3"), name="press shop")
    sensor, event, digest = await hear(agent, runtime)
    await do(ask, runtime, sensor, digest)
    await read(ask, sensor, event, agent)
    await judge(ask, agent, sensor, event)
    await ask("rotate_agent", agent_id=agent.id)
    # Two copies of one disk: the second comes with a token that was used.
    agent.token = str(uuid.uuid4())
    assert (await agent.post(agent.batch().model_dump_json(by_alias=True).encode())).status_code == 403
    await ask("accept_agent", json={}, agent_id=agent.id)
    await ask("revoke_agent", agent_id=agent.id)
    return ask.kept


async def administer(ask, runtime):
    async with runtime.sessions.begin() as session:
        link = await setup.make_link(session)
    await ask("set_up", json={"link": link, "name": "anna", "password": PASSWORD})
    await ask("read_session")
    await ask("sign_in", json={"name": "anna", "password": PASSWORD})
    await ask("list_sessions")
    await ask("change_password", json={"current": PASSWORD, "new": "other words in a row"})
    user = await ask("create_user", json={"name": "ben", "role": "viewer", "password": PASSWORD})
    await ask("change_user", json={"role": "operator"}, user_id=user["id"])
    await ask("list_users")
    await ask("create_token", json={"name": "reporting", "scope": "viewer", "days": 30})
    await ask("list_tokens")
    key = await ask("create_enrolment_key", json={"uses": 2, "lifetime_s": 7_200, "may_replace": False})
    await ask("list_enrolment_keys")
    await ask("read_enrolment_key", key_id=key["made"]["id"])
    await ask("revoke_enrolment_key", key_id=key["made"]["id"])
    await ask("read_audit", params={"limit": 3})
    await ask("read_audit_terms")
    await ask("fetch_audit")
    await ask("verify_audit")


async def do(ask, runtime, sensor, digest):
    span = {"from_us": now_us() - 2 * HOUR_US, "to_us": now_us()}
    queued = await ask("train_sensor", json={"windows": 60, "false_alarms_per_week": 1}, sensor_id=sensor)
    await work(runtime)
    await ask("read_job", job_id=queued["job_id"])
    await ask("train_fleet", json={"sensors": [sensor], "windows": 60})
    exported = await ask("request_export", json=span | {"sensors": [sensor], "features": ["crest_db"], "format": "csv"})
    evaluated = await ask("evaluate_model", json=span, digest=digest)
    await work(runtime)
    await ask("read_export", export_id=exported["id"])
    await ask("list_exports")
    await ask("read_evaluation", digest=digest, evaluation_id=evaluated["id"])
    await ask("list_evaluations", digest=digest)
    await ask("push_model", digest=digest)
    await ask("list_models")
    await ask("list_sensor_models", params={"limit": 3})
    await ask("read_model", digest=digest)
    await ask("list_jobs", params={"limit": 3})
    await ask("change_sensor", json={"running_level_dbfs": -55, "settling_windows": 2}, sensor_id=sensor)
    analysis = await ask("create_analysis", files={"file": ("pump.wav", recording())})
    await ask("read_analysis", analysis_id=analysis["id"])
    await ask("list_analyses", params={"limit": 3})
    await ask("show_analysis", analysis_id=analysis["id"])
    await ask("score_analysis", params={"sensor": sensor}, analysis_id=analysis["id"])
    await ask("delete_analysis", analysis_id=analysis["id"])


async def read(ask, sensor, event, agent):
    fleet = await ask("read_fleet", params={"sparklines": True})
    machine = next(each for each in fleet["machines"] if any(card["id"] == sensor for card in each["sensors"]))
    await ask("read_machine", machine_id=machine["id"])
    for name in ("read_system", "list_features", "list_events", "list_clips", "list_agents"):
        await ask(name)
    for name in ("read_detectability", "read_drift", "list_gaps_of_sensor", "read_clips_permission"):
        await ask(name, sensor_id=sensor)
    for name in ("read_agent", "list_checks", "list_gaps_of_agent"):
        await ask(name, agent_id=agent.id)
    await ask("change_clip", json={"locked": True}, clip_id=event.id)
    await ask("change_clips_permission", json={"allowed": True}, sensor_id=sensor)
    await ask("change_site_clips_permission", json={"allowed": None}, site_id=machine["site"]["id"])
    await ask("read_clip_audit", params={"limit": 3})
    await arrange(ask, sensor, machine)


async def arrange(ask, sensor, machine):
    """What people change of sites, machines, sensors and policies."""
    site = await ask("create_site", json={"name": "Hall 2"})
    await ask("rename_site", json={"name": "Hall 3"}, site_id=site["id"])
    await ask("list_sites")
    await ask("create_machine", json={"site_id": site["id"], "name": "Press 4", "tags": ["press"]})
    await ask("change_machine", json={"tags": ["press", "shift 2"]}, machine_id=machine["id"])
    await ask("list_machines", params={"limit": 3})
    await ask("list_tags")
    await ask("place_sensor", json={"name": "press 3 gearbox"}, sensor_id=sensor)
    calibration = {"method": "sound_calibrator", "level_db": 94, "reads_dbfs": -31.2}
    await ask("calibrate_sensor", json=calibration, sensor_id=sensor)
    await ask("forget_calibration", sensor_id=sensor)
    await ask("preview_policy", params={"value": 20}, setting="retention_days")
    await ask("change_policy", json={"value": 40}, setting="retention_days")
    await ask("list_policies")


async def judge(ask, agent, sensor, event):
    """Hear an event beside its machine's normal sound, say what it was, and note what was done to the machine."""
    normal = event_of(sensor, start_us=event.start_us - HOUR_US)
    await put(agent, normal.id, flac(), sensor=sensor, start_us=normal.start_us, kind="reference")
    await ask("read_event", event_id=event.id)
    await ask("find_normal_clip", event_id=event.id)
    await ask("show_clip", clip_id=event.id)
    said = {"verdict": "confirmed", "cause": "bearing", "comment": "Outer ring, drive end."}
    reviewed = await ask("review_events", json=said | {"events": [str(event.id)]})
    await ask("undo_reviews", json={"verdicts": [each["id"] for each in reviewed["entries"]]})
    await ask("read_event_history", event_id=event.id)
    fleet = (await ask.browser.get("/api/v1/fleet")).json()["machines"]
    machine = next(each["id"] for each in fleet if any(card["id"] == sensor for card in each["sensors"]))
    work_done = {"kind": "maintenance", "text": "Bearing changed.", "start_us": now_us() - HOUR_US, "end_us": now_us()}
    noted = await ask("add_note", json=work_done | {"machine_id": machine})
    await ask("list_notes", params={"machine": machine})
    await ask("change_note", json={"text": "Bearing and seal changed."}, note_id=noted["id"])
    await ask("delete_note", note_id=noted["id"])
    await ask("restore_note", note_id=noted["id"])


def bodies():
    """Yield where an example must be: a name, its schema and the example, of requests and successful answers."""
    for name, (_, _, operation) in operations().items():
        request = operation.get("requestBody", {}).get("content", {})
        if JSON in request:
            yield f"{name} request", request[JSON]
        for status, response in operation["responses"].items():
            content = response.get("content", {})
            for media in (JSON, errors.PROBLEM_MEDIA_TYPE):
                if media in content and not (name in OWN and status == "200"):
                    yield f"{name} {status}", content[media]


def test_every_body_has_an_example_that_fits_its_schema():
    wrong, count = [], 0
    for where, content in bodies():
        count += 1
        if "examples" not in content:
            wrong.append(f"{where}: no example; record them with {RECORD}=1")
            continue
        schema = content["schema"] | {"components": document()["components"]}
        validator = jsonschema_rs.validator_for(schema, validate_formats=True)
        for example in content["examples"].values():
            kept = (
                document()["components"]["examples"][example["$ref"].rpartition("/")[2]]
                if "$ref" in example
                else example
            )
            wrong += [
                f"{where}: {each.message} at {each.instance_path}" for each in validator.iter_errors(kept["value"])
            ]
    assert not wrong, "\n".join(wrong)
    assert count > 250


def keys(value, *, of=""):
    """The paths of all keys in a document; lists are as their first items, and ids as keys are one."""
    if isinstance(value, dict):
        named = {re.sub(r"^[0-9a-f-]{36}$", "{id}", key): each for key, each in value.items()}
        return {f"{of}.{key}" for key in named}.union(*(keys(each, of=f"{of}.{key}") for key, each in named.items()))
    return keys(value[0], of=f"{of}[]") if isinstance(value, list) and value else set()


async def test_a_collector_answers_as_the_examples_say(answered):
    if os.environ.get(RECORD):
        FILE.write_text(json.dumps(answered, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    known = json.loads(FILE.read_text())
    assert set(known) == set(answered)
    for name, found in answered.items():
        assert keys(known[name]) == keys(found), name


RAISES = re.compile(r"^\s+(\w+Error):", re.MULTILINE)


def raised_by(endpoint):
    """The errors that the functions which a route calls name in their docstrings."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(endpoint)))
    module = sys.modules[endpoint.__module__]
    for call in (node.func for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name):
            function = getattr(getattr(module, call.value.id, None), call.attr, None)
        else:
            function = getattr(module, call.id, None) if isinstance(call, ast.Name) else None
        if inspect.isfunction(function):
            _, _, told = (function.__doc__ or "").partition("Raises:")
            yield from (name for name in RAISES.findall(told) if name in STATUS_OF)


def test_every_operation_declares_what_its_functions_raise_and_what_stands_before_it():
    wrong, seen = [], 0
    routes = [route for router in BROWSER_ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    for route in routes:
        for method in route.methods if route.include_in_schema else ():
            operation = document()["paths"][route.path][method.lower()]
            declared = set(operation["responses"])
            named = {str(STATUS_OF[error]): error for error in raised_by(route.endpoint)}
            seen += len(named)
            before = {
                "400": "another host name",
                "401": "nobody is signed in",
                "403": "of another role, or another site's page",
                "503": "no database",
            }
            if "requestBody" in operation:
                before |= {"408": "a slow body", "413": "a large body"}
            if route.path_format != route.path or "{" in route.path:
                before |= {"422": "an id that is none"}
            wrong += [
                f"{method} {route.path}: {status}, {why}"
                for status, why in (before | named).items()
                if status not in declared
            ]
    assert not wrong, "\n".join(wrong)
    assert seen > 40
