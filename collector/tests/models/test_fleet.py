"""Which sensor runs which model: lists, one model, going back, and when an agent began to run it."""

import io
import json
import uuid
import zipfile

import pytest
from sqlalchemy import select, text

from audiosense_collector.auth.roles import Role
from audiosense_collector.clock import SECOND_US, now_us
from audiosense_collector.machines import registration
from audiosense_collector.machines.tables import Machine, Sensor
from audiosense_collector.models.tables import ModelRun
from audiosense_common.wire import RunningModel, Status

WINDOW_US = 5_000_000


async def work(runtime):
    await runtime.jobs.run_worker_async(
        wait=False, install_signal_handlers=False, listen_notify=False, additional_context={"runtime": runtime}
    )


class Trained:
    """An agent whose sensor has a first model, and what is done with it."""

    def __init__(self, runtime, agent, browser):
        self.runtime, self.agent, self.browser = runtime, agent, browser
        (self.sensor,) = agent.sensors.values()

    async def wanted(self):
        return (await self.agent.send(self.agent.batch()))["desired"][self.sensor]

    async def run(self, model, *columns, **told):
        told = {"digest": model["digest"], "version": model["version"], "state": "committed"} | told
        await self.agent.send(self.agent.batch(*columns, running={self.sensor: RunningModel(**told)}))

    async def train(self):
        answer = await self.browser.post(f"/api/v1/sensors/{self.sensor}/train", json={"windows": 40})
        assert answer.status_code == 202, answer.text
        await work(self.runtime)
        return await self.wanted()

    async def push(self, digest):
        answer = await self.browser.post(f"/api/v1/models/{digest}/push")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def item(self):
        page = (await self.browser.get("/api/v1/sensor-models", params={"machine": await self.machine()})).json()
        (item,) = page["items"]
        return item

    async def detail(self, digest):
        answer = await self.browser.get(f"/api/v1/models/{digest}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def machine(self):
        async with self.runtime.sessions() as session:
            row = await session.get(Sensor, uuid.UUID(self.sensor))
            return str(row.machine_id)


@pytest.fixture
async def trained(runtime, make_agent, browser):
    agent = await make_agent()
    found = Trained(runtime, agent, browser)
    await agent.send(agent.batch(agent.columns(40, start_us=now_us() - 100 * WINDOW_US)))
    await work(runtime)
    return found


async def test_a_run_begins_at_the_first_window_that_the_model_scored_and_ends_with_the_next(trained):
    first = await trained.wanted()
    assert (await trained.item())["standing"] == "offered"
    start = now_us() + 2 * SECOND_US
    columns = trained.agent.columns(3, start_us=start, digest=first["digest"], status=Status.NORMAL, score=0.4)
    columns.model[0] = None
    columns.score[0], columns.status[0] = None, Status.LEARNING
    late = now_us() + 60 * SECOND_US
    await trained.run(first, columns)
    (run,) = (await trained.detail(first["digest"]))["runs"]
    told = now_us()
    # Its windows begin after now: the agent's clock is ahead, so that what is known is when it told.
    assert run["began_us"] <= told < late
    assert (run["ended_us"], run["agent_id"]) == (None, str(trained.agent.id))
    second = await trained.train()
    before = now_us()
    scored = trained.agent.columns(2, start_us=before, digest=second["digest"], status=Status.NORMAL, score=0.4)
    await trained.run(second, scored)
    await trained.run(second)
    (run,) = (await trained.detail(second["digest"]))["runs"]
    assert (run["began_us"], run["ended_us"]) == (before, None)
    (ended,) = (await trained.detail(first["digest"]))["runs"]
    assert ended["ended_us"] == before
    await trained.run(first, refused=second["digest"], reason="probation: alarms: nearly every window was anomalous")
    detail = await trained.detail(first["digest"])
    assert [run["ended_us"] is None for run in detail["runs"]] == [False, True]
    assert detail["agent"]["state"] == "running"
    sent_back = (await trained.detail(second["digest"]))["agent"]
    assert (sent_back["state"], sent_back["golden"]) == ("refused", "passed")
    item = await trained.item()
    assert (item["standing"], item["running"]["digest"]) == ("refused", first["digest"])
    assert item["refused"]["version"] == second["version"]
    assert "nearly every window" in item["refused"]["reason"]
    async with trained.runtime.sessions.begin() as session:
        await registration.move(session, trained.agent.id, uuid.uuid4(), [])
        await registration.move(session, trained.agent.id, trained.agent.id, list(trained.agent.sensors))
    assert all(run["ended_us"] for run in (await trained.detail(first["digest"]))["runs"])


async def test_a_wrong_clock_makes_no_run_before_its_model_nor_beside_another(trained):
    first = await trained.wanted()
    ancient = trained.agent.columns(2, start_us=SECOND_US, digest=first["digest"], status=Status.NORMAL, score=0.4)
    await trained.run(first, ancient)
    detail = await trained.detail(first["digest"])
    assert detail["runs"][0]["began_us"] == detail["created_us"]
    second = await trained.train()
    await trained.run(second, trained.agent.columns(1, start_us=now_us() + 3_600 * SECOND_US, digest=second["digest"]))
    async with trained.runtime.sessions() as session:
        query = select(ModelRun).where(ModelRun.sensor_id == uuid.UUID(trained.sensor)).order_by(ModelRun.began)
        runs = list(await session.scalars(query))
    assert [run.digest for run in runs] == [first["digest"], second["digest"]]
    assert runs[0].ended <= runs[1].began <= now_us()
    assert runs[1].ended is None


async def test_going_back_pushes_the_content_before_and_can_itself_be_undone(trained):
    first = await trained.wanted()
    assert (await trained.item())["back_to"] is None
    await trained.run(first)
    second = await trained.train()
    await trained.train()
    third = await trained.wanted()
    await trained.run(third)
    # The second never ran.
    back = (await trained.item())["back_to"]
    assert back == {"digest": first["digest"], "version": 1}
    pushed = await trained.push(back["digest"])
    assert (pushed["version"], pushed["pushed_from"]) == (4, first["digest"])
    item = await trained.item()
    assert (item["standing"], item["wanted"]["digest"], item["models"]) == ("offered", pushed["digest"], 4)
    assert item["back_to"] == {"digest": third["digest"], "version": 3}
    again = await trained.push(item["back_to"]["digest"])
    assert again["pushed_from"] == third["digest"]
    # Content that is wanted already is nothing to go back to, whatever version it stands under.
    back = (await trained.detail(again["digest"]))["back_to"]
    assert back["digest"] in (first["digest"], pushed["digest"])
    await trained.run(third, refused=again["digest"], reason="golden: off by 0.5")
    agent = (await trained.detail(again["digest"]))["agent"]
    assert (agent["state"], agent["golden"]) == ("refused", "failed")
    await trained.run(third, refused=second["digest"], reason="older: version 2 is older than 5")
    assert (await trained.detail(second["digest"]))["agent"]["golden"] == "not_reached"


async def test_a_model_tells_all_that_its_manifest_does_and_is_downloaded_as_it_is(trained, operator, viewer):
    first = await trained.wanted()
    path = f"/api/v1/models/{first['digest']}"
    detail = (await viewer.get(path)).json()
    file = await operator.get(f"{path}/bundle")
    assert file.headers["content-type"] == "application/zip"
    assert "version-1.zip" in file.headers["content-disposition"]
    assert len(file.content) == detail["size_bytes"]
    manifest = json.loads(zipfile.ZipFile(io.BytesIO(file.content)).read("manifest.json"))
    assert detail["features"] == [need["name"] for need in manifest["features"]]
    for name in ("signing_key", "install_before_us", "schema_id", "sample_rate_hz", "window_s", "debouncing"):
        assert detail[name] == manifest[name], name
    assert detail["place"]["sensor_id"] == trained.sensor
    assert detail["agent"]["golden"] == "untold"
    assert detail["detectability"] is None
    assert (await operator.get(f"{path}/bundle", headers={"If-None-Match": file.headers["etag"]})).status_code == 304
    for missing in ("", "/bundle"):
        answer = await operator.get(f"/api/v1/models/{'0' * 64}{missing}")
        assert (answer.status_code, "there is no model" in answer.json()["detail"]) == (404, True)


async def test_sensors_are_paged_by_place_and_found_by_words_site_machine_and_standing(
    runtime, make_agent, register, open_browser
):
    viewer = await open_browser(Role.VIEWER)
    mark = uuid.uuid4().hex[:8]
    places = [(f"West {mark}", "Fan"), (f"East {mark}", "Pump 2"), (f"East {mark}", "Pump 10"), (f"East {mark}", "Fan")]
    agents = []
    for number, (site, machine) in enumerate(places):
        wanted = register(name="Drive", machine=machine, site=site)
        agents.append(await make_agent(wanted, name=f"agent {number} {mark}"))
    (refusing,) = agents[1].sensors.values()
    (probing,) = agents[2].sensors.values()
    digests = {"desired": "a" * 64, "running": "b" * 64}
    async with runtime.sessions.begin() as session:
        row = await session.get(Sensor, uuid.UUID(refusing))
        row.desired_digest = row.refused_digest = digests["desired"]
        row = await session.get(Sensor, uuid.UUID(probing))
        row.desired_digest = row.running_digest = digests["running"]
        row.running_state = "probation"
        site = (await session.get(Machine, row.machine_id)).site_id

    async def ask(**query):
        answer = await viewer.get("/api/v1/sensor-models", params={"q": mark} | query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def named(page):
        return [(each["site_name"], each["machine_name"]) for each in page["items"]]

    everything = await ask()
    in_order = sorted(places)
    assert sorted(named(everything)) == in_order
    assert everything["counts"] == {"refused": 1, "offered": 0, "probation": 1, "running": 0, "learning": 2}
    pages, after = [], {}
    while True:
        page = await ask(limit=3, **after)
        pages.append(page)
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert [each for page in pages for each in named(page)] == named(everything)
    assert [len(page["items"]) for page in pages] == [3, 1]
    assert named(await ask(q=f"{mark} pump dRIVE")) == [each for each in named(everything) if "Pump" in each[1]]
    assert len((await ask(site=site))["items"]) == 3
    chosen = await ask(standing=["refused", "probation"])
    assert {each["standing"] for each in chosen["items"]} == {"refused", "probation"}
    assert chosen["counts"] == everything["counts"]
    # Models of another collector, or ones that are no more, are not known by more than their digest.
    assert all(each["running"] is each["wanted"] is None for each in chosen["items"])
    answer = await viewer.get("/api/v1/sensor-models", params={"after": "nonsense"})
    assert (answer.status_code, "take it from the `next`" in answer.json()["detail"]) == (422, True)


async def test_what_ran_before_the_upgrade_is_told_from_its_creation_on(trained):
    first = await trained.wanted()
    await trained.run(first)
    async with trained.runtime.sessions.begin() as session:
        await session.execute(text("DELETE FROM model_run WHERE sensor_id = :id"), {"id": trained.sensor})
        from audiosense_collector.db.migrations.versions import v0028_model_runs as migration  # noqa: PLC0415

        statement = next(each for each in migration.TABLE.split(";") if "INSERT INTO model_run" in each)
        await session.execute(text(f"{statement} AND s.id = :id"), {"id": trained.sensor})
    detail = await trained.detail(first["digest"])
    assert detail["runs"] == [
        {"agent_id": str(trained.agent.id), "began_us": detail["created_us"], "ended_us": None},
    ]
