"""Late and repeated measurements on their whole way: from an agent's batch into charts and roll-ups."""

import uuid

from storage_testing import fetch, numbers

from audiosense_collector.clock import DAY_US, HOUR_US, now_us
from audiosense_collector.rollups import recompute
from audiosense_common.wire import Status


async def differences(runtime, sensor):
    since = {"measurement": 0, "rollup_minute": 0}
    (found,) = [each async for each in recompute.verify(runtime.sessions, since, only=uuid.UUID(sensor))]
    return found.windows, found.differences


async def test_a_late_window_is_in_its_minute_and_hour_and_in_the_chart_of_a_year(browser, runtime, make_agent):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    await numbers(runtime)
    scored = {"status": Status.NORMAL, "score": 0.3, "digest": "a" * 64}
    now = now_us() // HOUR_US * HOUR_US
    await agent.send(agent.batch(agent.columns(700, start_us=now - 20 * DAY_US, **scored)))
    await agent.send(agent.batch(agent.columns(50, start_us=now - 2 * HOUR_US, **scored)))
    spike = agent.columns(
        1, start_us=now - 20 * DAY_US + 2_500_000, status=Status.ANOMALOUS, score=0.97, digest="a" * 64
    )
    beyond = agent.columns(2, start_us=now - 90 * DAY_US, **scored)
    batch = agent.batch(spike, beyond)
    await agent.send(batch)
    again = agent.batch(spike, beyond)
    assert (await agent.send(again))["repeated"] == 3
    assert await differences(runtime, sensor) == (753, [])
    year = {"from_us": now - 365 * DAY_US, "to_us": now, "points": 1_000}
    series = (await browser.get(f"/api/v1/sensors/{sensor}/series", params=year)).json()
    assert (series["resolution"], series["count"]) == ("hour", 753)
    place = series["anomalous"].index(1)
    assert (round(series["score_max"][place], 3), series["status"][place], series["threshold"][place]) == (
        0.97, "anomalous", 0.61,
    )  # fmt: skip
    stray = "SELECT count(*) FROM measurement_default WHERE sensor_id = :sensor"
    assert (await fetch(runtime, stray, sensor=sensor))[0][0] == 2
