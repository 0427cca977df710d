"""Events are counted as the agent opens them; intervals are the exact ones."""

import numpy as np
import pytest

from audiosense_agent.events import Debouncer
from audiosense_collector.model_evaluation.alarms import count_events, poisson_interval
from audiosense_common.bundle import Debouncing

WINDOW_US = 5_000_000
RULES = [
    Debouncing(),
    Debouncing(k=1, n=1, hysteresis=0.0),
    Debouncing(k=3, n=5, hysteresis=0.05, min_gap_s=60),
    Debouncing(k=2, n=7, hysteresis=0.2, min_gap_s=30),
    Debouncing(k=4, n=4, hysteresis=0.01, min_gap_s=300),
]


def events_of_the_agent(times, scores, threshold, rule):
    debouncer = Debouncer("sensor", "0" * 64, threshold, rule)
    revisions = [
        debouncer.push(time, time + WINDOW_US, None if np.isnan(score) else score)
        for time, score in zip(times.tolist(), scores.tolist(), strict=True)
    ]
    return len({revision.id for revision in revisions if revision is not None})


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.k}of{rule.n}")
def test_as_many_events_are_counted_as_the_agent_opens(rule):
    rng = np.random.default_rng(rule.n)
    seen = set()
    for length in (*range(8), *[400] * 60):
        steps = rng.choice([1, 1, 1, 1, 3, 40], length)
        times = np.cumsum(steps) * WINDOW_US
        # Slow changes, so that events last, end, and begin again soon.
        slow = np.repeat(rng.random(length // 6 + 1), 6)[:length]
        scores = np.clip(0.6 * slow + 0.4 * rng.random(length), 0, 1)
        scores[rng.random(length) < 0.05] = np.nan
        found = count_events(times, WINDOW_US, scores, 0.6, rule)
        assert found == events_of_the_agent(times, scores, 0.6, rule)
        seen.add(found)
    assert len(seen) > 3


def test_intervals_are_those_of_garwood():
    # Garwood 1936, table of 95 % limits.
    assert poisson_interval(0) == pytest.approx((0, 3.689), abs=5e-4)
    assert poisson_interval(1) == pytest.approx((0.0253, 5.572), abs=5e-4)
    assert poisson_interval(10) == pytest.approx((4.795, 18.390), abs=5e-4)
