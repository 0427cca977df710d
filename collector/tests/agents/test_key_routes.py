"""Enrolment keys over HTTP: made, listed, watched, revoked; what is secret is told once and stands in no log."""

import hashlib

import pytest

from audiosense_common.enrolment import EnrolmentKey

KEYS = "/api/v1/enrolment-keys"


async def enrol(client, text, name, *sensors):
    request = {"secret": EnrolmentKey.decode(text).secret, "name": name, "version": "0.1.0", "sensors": list(sensors)}
    return await client.post("/api/v1/enrol", json=request)


async def test_an_agent_enrols_with_a_key_of_the_page_and_the_key_tells_which_it_is(
    runtime, browser, agents_port, register
):
    answer = await browser.post(KEYS, json={"uses": 2, "lifetime_s": 3_600})
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    made, text = answer.json()["made"], answer.json()["enrolment_key"]
    key = EnrolmentKey.decode(text)
    assert (key.url, key.trust) == (runtime.settings.agents_address, runtime.tls.ca_digest)
    assert (made["uses"], made["used"], made["may_replace"], made["state"]) == (2, 0, False, "valid")
    assert made["expires_us"] - made["created_us"] == 3_600_000_000
    place = f"{KEYS}/{made['id']}"
    assert (await browser.get(place)).json() == made | {"agents": []}
    enrolled = [await enrol(agents_port, text, name, register(name)) for name in ("hall 1", "hall 2")]
    found = (await browser.get(place)).json()
    assert [(each["id"], each["name"]) for each in found["agents"]] == [
        (answer.json()["agent"], name) for answer, name in zip(enrolled, ("hall 1", "hall 2"), strict=True)
    ]
    assert [each["last_seen_us"] for each in found["agents"]] == [None, None]
    assert (found["used"], found["state"]) == (2, "used up")
    one = (await browser.get(f"/api/v1/agents/{enrolled[0].json()['agent']}")).json()
    assert one["enrolled_us"] == found["agents"][0]["enrolled_us"]
    assert [sensor["window_s"] for sensor in one["sensors"]] == [5.0]


async def test_a_revoked_key_enrols_nobody_and_the_log_tells_who_did_it_without_the_secret(browser, agents_port):
    answer = (await browser.post(KEYS, json={"may_replace": True})).json()
    place, text = f"{KEYS}/{answer['made']['id']}", answer["enrolment_key"]
    secret = EnrolmentKey.decode(text).secret
    revoked = await browser.post(f"{place}/revoke")
    assert (revoked.status_code, revoked.json()["state"], revoked.json()["may_replace"]) == (200, "revoked", True)
    refused = await enrol(agents_port, text, "late")
    assert (refused.status_code, refused.json()["type"]) == (403, "key_revoked")
    query = {"subject": "enrolment_key", "subject_id": answer["made"]["id"]}
    log = await browser.get("/api/v1/audit", params=query)
    assert [each["action"] for each in log.json()["items"]] == ["revoke_enrolment_key", "create_enrolment_key"]
    assert {each["actor"] for each in log.json()["items"]} == {browser.user}
    for told in (log.text, (await browser.get(KEYS)).text, (await browser.get(place)).text):
        assert secret not in told
        assert hashlib.sha256(secret.encode()).hexdigest() not in told


async def test_keys_are_paged_the_newest_first(browser):
    made = [(await browser.post(KEYS, json={})).json()["made"]["id"] for _ in range(5)]
    found, after = [], None
    for _ in range(3):
        query = {"limit": 2} | ({} if after is None else {"after": after})
        page = (await browser.get(KEYS, params=query)).json()
        found += [each["id"] for each in page["items"]]
        after = page["next"]
    assert found[:5] == made[::-1]
    refused = await browser.get(KEYS, params={"after": "nonsense"})
    assert refused.status_code == 422


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({"uses": 0}, "uses"),
        ({"uses": 100_001}, "uses"),
        ({"lifetime_s": 59}, "lifetime_s"),
        ({"lifetime_s": 400 * 86_400}, "lifetime_s"),
        ({"secret": "mine"}, "secret"),
    ],
    ids=["no use", "too many uses", "too short", "too long", "own secret"],
)
async def test_a_key_that_makes_no_sense_is_refused_by_name(browser, wanted, named):
    answer = await browser.post(KEYS, json=wanted)
    assert answer.status_code == 422
    assert named in answer.text
