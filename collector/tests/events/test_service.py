"""Events as the interface lists them."""

from uuid import uuid4

from audiosense_collector.clock import now_us
from audiosense_common.wire import Event


async def test_events_are_listed_page_by_page_the_newest_first(browser, make_agent):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    start = now_us() - 60_000_000
    events = [
        Event(
            id=uuid4(),
            sensor=sensor,
            revision=1,
            state="close",
            start_us=start + number,
            end_us=start + number,
            peak_us=start,
            peak_score=0.9,
            threshold=0.6,
            windows=3,
            model="ab" * 32,
        )
        for number in (0, 1, 2, 2, 3)
    ]
    await agent.send(agent.batch(events=events))
    found, before = [], {}
    while True:
        response = await browser.get("/api/v1/events", params={"sensor": sensor, "limit": 2} | before)
        assert response.status_code == 200, response.text
        page = response.json()
        found += [event["start_us"] - start for event in page["items"]]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert found == [3, 2, 2, 1, 0]
    assert (await browser.get("/api/v1/events", params={"before": "x"})).status_code == 422
