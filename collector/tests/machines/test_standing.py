"""Pages of the fleet: which machines are meant, in which order, and how many there are of each status."""

import uuid

import pytest

from audiosense_collector.clock import now_us
from audiosense_collector.machines.schemas import Fleet, ShownStatus
from audiosense_common.wire import Event, EventState, Status

SEVERITY = list(ShownStatus)
MODEL = "a" * 64


async def ask(browser, **parameters):
    response = await browser.get("/api/v1/fleet", params=parameters)
    assert response.status_code == 200, response.text
    return Fleet.model_validate_json(response.content)


def names(fleet):
    return [machine.name for machine in fleet.machines]


@pytest.fixture
async def site(make_agent, register):
    """A site of its own, with machines of several statuses."""
    name = f"Halle {uuid.uuid4()} 100%_"
    heard = {"Pump A": Status.NORMAL, "pump b": Status.ANOMALOUS, "Fan": Status.NORMAL, "Mixer": Status.INVALID}
    for machine, status in heard.items():
        agent = await make_agent(register(site=name, machine=machine))
        (sensor,) = agent.sensors.values()
        score = None if status is Status.INVALID else 0.3
        await agent.send(agent.batch(agent.columns(2, status=status, score=score, digest=MODEL)))
        if machine == "Fan":
            await agent.send(agent.batch(events=[opened(sensor)]))
    await make_agent(register(site=name, machine="Press"))
    return name


def opened(sensor):
    now = now_us()
    return Event(
        id=uuid.uuid4(), sensor=sensor, revision=1, state=EventState.OPEN, start_us=now, end_us=now, peak_us=now,
        peak_score=0.9, threshold=0.5, windows=3, model=MODEL,
    )  # fmt: skip


async def test_those_in_need_come_first_and_are_counted(browser, site):
    fleet = await ask(browser, q=site, order="need")
    assert names(fleet) == ["Fan", "pump b", "Mixer", "Press", "Pump A"]
    assert [machine.status.value for machine in fleet.machines] == [
        "alarm",
        "anomalous",
        "invalid",
        "waiting",
        "normal",
    ]
    counted = fleet.counts.model_dump()
    assert {status: count for status, count in counted.items() if count} == {
        machine.status.value: 1 for machine in fleet.machines
    }


async def test_a_choice_of_statuses_leaves_the_counts(browser, site):
    all_of_it = await ask(browser, q=site)
    fleet = await ask(browser, q=site, status=["normal", "alarm"])
    assert names(fleet) == [name for name in names(all_of_it) if name in {"Pump A", "Fan"}]
    assert fleet.counts == all_of_it.counts
    assert sum(fleet.counts.model_dump().values()) == 5


async def test_a_site_and_words_are_looked_for(browser, site):
    identity = (await ask(browser, q=site.upper())).machines[0].site.id
    assert set(names(await ask(browser, site=str(identity), q="PUMP"))) == {"Pump A", "pump b"}
    assert names(await ask(browser, site=str(identity), q="%")) == names(await ask(browser, site=str(identity)))
    assert not names(await ask(browser, site=str(uuid.uuid4())))
    nobody = await ask(browser, q=site + "_")
    assert not nobody.machines
    assert not any(nobody.counts.model_dump().values())


@pytest.mark.parametrize("order", ["place", "need"])
async def test_pages_of_a_choice_are_the_whole_choice(browser, site, order):
    whole = await ask(browser, q=site, order=order)
    found, cursor = [], {}
    for _ in range(5):
        page = await ask(browser, q=site, order=order, limit=2, **cursor)
        found += page.machines
        assert page.counts == whole.counts
        if page.next is None:
            break
        cursor = {"after": page.next}
    assert [machine.id for machine in found] == [machine.id for machine in whole.machines]


async def test_the_whole_fleet_is_counted_as_its_machines_are(browser, site):
    whole = await ask(browser)
    counted = {status: sum(machine.status is status for machine in whole.machines) for status in ShownStatus}
    assert whole.counts.model_dump() == {status.value: count for status, count in counted.items()}
    assert {machine.site.name for machine in whole.machines} >= {site}
    by_need = await ask(browser, order="need")
    assert sorted(names(by_need)) == sorted(names(whole))
    ranks = [SEVERITY.index(machine.status) for machine in by_need.machines]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize(
    ("parameters", "where"),
    [
        ({"status": "broken"}, "status"),
        ({"q": "a\0b"}, "q"),
        ({"q": ""}, "q"),
        ({"site": "here"}, "site"),
        ({"order": "size"}, "order"),
        ({"order": "need", "after": "WyJhIiwiYiIsImMiXQ"}, "after"),
    ],
    ids=["status", "null byte", "no words", "site", "order", "cursor of the other order"],
)
async def test_what_is_no_choice_is_refused(browser, parameters, where):
    response = await browser.get("/api/v1/fleet", params=parameters)
    assert response.status_code == 422
    assert where in response.text


async def test_a_large_answer_is_compressed_for_who_takes_that(browser, site):
    answers = [
        await browser.get("/api/v1/fleet", params={"q": site}, headers={"Accept-Encoding": accepted})
        for accepted in ("gzip, br", "gzip, deflate, br, zstd", "gzip;q=0.5, zstd;q=0", "identity", "gzip;q=0")
    ]
    assert [each.headers.get("Content-Encoding") for each in answers] == ["gzip", "zstd", "gzip", None, None]
    assert [each.headers["Vary"] for each in answers] == ["Accept-Encoding"] * 5
    whole = [names(Fleet.model_validate_json(each.content)) for each in answers]
    assert whole == [whole[0]] * 5
    assert len(whole[0]) == 5
    sizes = [int(each.headers["Content-Length"]) for each in answers]
    assert max(sizes[:3]) < min(sizes[3:]) / 2
