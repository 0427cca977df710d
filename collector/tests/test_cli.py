"""The commands: in this process, which saves the interpreter's start, and some of each kind as a user runs them."""

import json
import os
import signal
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text, update
from typer.testing import CliRunner

from audiosense_collector.cli import app
from audiosense_collector.machines.tables import Sensor
from audiosense_common.enrolment import EnrolmentKey
from audiosense_common.errors import AudioSenseError
from deploy.testing import warm


@pytest.fixture
def run(settings, database_url, runtime, monkeypatch):
    """Run a command in a thread, for it has an event loop of its own; return what it printed."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("AUDIOSENSE_DATA_DIR", str(settings.data_dir))
    monkeypatch.chdir(settings.data_dir)
    # A command that finds no handler sets one, which only a process's main thread may.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)

    def call(*arguments, code=0):
        result = pool.submit(CliRunner().invoke, app, arguments).result(120)
        if isinstance(result.exception, AudioSenseError):
            assert code == 1
            return f"error: {result.exception}"
        assert result.exit_code == code, (result.output, result.exception)
        return result.stdout if code == 0 else result.stderr

    with ThreadPoolExecutor(1) as pool:
        yield call
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def launch(settings, database_url, runtime):
    """Run a command as a user does; return what it printed."""

    def call(*arguments, code=0):
        keep = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
        result = warm.run(
            [sys.executable, "-m", "audiosense_collector", *arguments],
            env=keep | {"DATABASE_URL": database_url, "AUDIOSENSE_DATA_DIR": str(settings.data_dir)},
            cwd=settings.data_dir,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert result.returncode == code, result.stderr
        assert "Traceback" not in result.stderr
        return result.stdout if code == 0 else result.stderr

    return call


def test_a_key_is_made_listed_and_revoked(run, launch, runtime):
    made = launch(
        "enrolment-key", "create", "--uses", "3", "--expires", "2h", "--url", "https://collector:9", "--quiet"
    )
    key = EnrolmentKey.decode(made)
    assert (key.url, key.trust) == ("https://collector:9", runtime.tls.ca_digest)
    listed = json.loads(run("enrolment-key", "list", "--json"))
    newest = listed[0]
    assert (newest["state"], newest["uses"], newest["used"]) == ("valid", 3, 0)
    assert newest["expires_us"] - newest["created_us"] == 2 * 3_600 * 1_000_000
    assert key.secret not in json.dumps(listed)
    run("enrolment-key", "revoke", newest["id"])
    assert "revoked" in run("enrolment-key", "list")
    assert "there is no enrolment key" in run("enrolment-key", "revoke", str(uuid.uuid4()), code=1)


@pytest.mark.parametrize(
    "arguments", [("--expires", "soon"), ("--uses", "0"), ("--url", "http://x"), ("--expires", "0h")]
)
def test_a_key_that_makes_no_sense_is_a_usage_error(arguments):
    assert CliRunner().invoke(app, ["enrolment-key", "create", *arguments]).exit_code == 2


async def test_a_sensor_is_trained_listed_and_pushed_by_name(run, runtime, make_agent, register):
    agent = await make_agent(register("drive", machine="Mill 7"))
    await agent.send(agent.batch(agent.columns(60)))
    (sensor,) = agent.sensors.values()
    async with runtime.sessions.begin() as session:
        await session.execute(update(Sensor).where(Sensor.id == uuid.UUID(sensor)).values(desired_digest=None))
    assert "is trained" in run("train", "Mill 7/drive", "--windows", "50", "--percentile", "95")
    (model,) = json.loads(run("models", "drive", "--json"))
    assert (model["sensor_id"], model["baseline"]["windows"], model["state"]) == (sensor, 50, "offered")
    assert model["digest"] in run("push", model["digest"])
    assert model["digest"] in run("models")
    assert (await agent.send(agent.batch()))["desired"][sensor]["digest"] == model["digest"]


async def test_the_sensors_of_a_site_or_of_a_machine_are_trained_and_no_others(run, runtime, make_agent, register):
    names = [("north", "Press 1"), ("north", "Press 2"), ("south", "Press 1"), ("south", "Press 3")]
    agent = await make_agent(
        *(register(f"drive {number}", machine=machine, site=site) for number, (site, machine) in enumerate(names))
    )
    for options, queued, waiting in (
        (("--site", "north"), 2, 0),
        (("--machine", "Press 3"), 1, 0),
        (("--site", "north", "--machine", "Press 3"), 0, 3),
        (("--site", "north", "--site", "south"), 1, 3),
    ):
        told = run("train", "--all", *options, "--windows", "50")
        assert told.startswith(f"{queued} trainings are queued, {waiting} sensors had one waiting"), options
    async with runtime.sessions() as session:
        found = await session.scalars(
            text("SELECT args ->> 'sensor_id' FROM procrastinate_jobs WHERE task_name = 'train'")
        )
        assert set(agent.sensors.values()) <= set(found)
    for options, told in (
        (("--all", "--machine", "Press 1"), "several machines are called 'Press 1'"),
        (("--all", "--site", "west"), "there is no site 'west'; some that exist: "),
        (("--site", "north", "drive 0"), "without --all"),
    ):
        assert told in run("train", *options, code=1)


async def test_agents_are_listed_revoked_accepted_and_told_to_rotate_by_name(run, make_agent, dump):
    agent = await make_agent(name="Hall 3")
    await agent.send(agent.batch(agent.columns(1)))
    assert f"agent Hall 3 ({agent.id}) is revoked" in run("agents", "revoke", "Hall 3")
    assert (await agent.post(dump(agent.batch()))).json()["type"] == "revoked"
    assert "accept it first" in run("agents", "rotate", "Hall 3", code=1)
    assert "is accepted" in run("agents", "accept", str(agent.id)[:13])
    assert "new credential" in run("agents", "rotate", "Hall 3")
    assert (await agent.send(agent.batch()))["rotate_credential"]
    assert "is active; only a copy" in run("agents", "accept", "Hall 3", code=1)
    assert "no agent 'Hall 9'" in run("agents", "revoke", "Hall 9", code=1)


async def test_copies_of_an_agent_are_listed_with_evidence_and_one_is_accepted(run, make_agent, dump):
    agent = await make_agent(name="Hall 4")
    await agent.send(agent.batch(agent.columns(1)))
    body = dump(agent.batch(agent.columns(1)))
    await agent.send(agent.batch(agent.columns(1)))
    second = str(uuid.uuid4())
    refused = await agent.post(body, **{"AudioSense-Instance": second, "AudioSense-Waiting": "1240"})
    assert refused.status_code == 403
    listed = run("agents", "list")
    assert "there are two copies" in listed
    assert "whose token was given out at" in listed
    assert f"  {second[:8]}  127.0.0.1" in listed
    assert "1240" in listed
    assert "2 copies and one of them must be named" in run("agents", "accept", "Hall 4", code=1)
    assert "0 copies of agent 'Hall 4' begin with 'xyz'" in run("agents", "accept", "Hall 4", "--copy", "xyz", code=1)
    said = run("agents", "accept", "Hall 4", "--copy", second[:8])
    assert "must be running" in said
    assert "must be accepted again" in said
    assert f"Waits for copy {second}" in run("agents", "list")
    assert (await agent.post(body)).json()["type"] == "not_accepted"
    (found,) = [each for each in json.loads(run("agents", "list", "--json")) if each["id"] == str(agent.id)]
    assert (found["state"], found["accepted_copy"]) == ("active", second)


def test_what_does_not_exist_is_one_line(run, launch):
    for command in (("train", "no-such"), ("push", "0" * 64), ("models", "no-such")):
        assert "\n" not in run(*command, code=1)
    message = launch("train", "no-such", code=1)
    assert message.startswith("error: ")
    assert message.count("\n") == 1


def test_the_interfaces_document_is_printed_the_same_each_time(run, launch):
    document = run("openapi")
    assert document == launch("openapi")
    assert "/api/v1/fleet" in json.loads(document)["paths"]


def test_the_dashboards_copy_of_the_document_is_the_one_that_is_printed(run):
    copy = json.loads((Path(__file__).parents[2] / "dashboard" / "openapi.json").read_text())
    assert copy | {"info": None} == json.loads(run("openapi")) | {"info": None}


def test_migrating_twice_changes_nothing(run):
    assert run("migrate") == run("migrate")
