import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosense_collector.training.detectability import detectability, heard_from
from audiosense_collector.training.probing import ProbeSet, place_probes

LEVELS = np.arange(-30.0, 7.0, 3.0)


def probes(kind, level_db, kinds=("tone", "hiss_high")):
    count = len(kind)
    return ProbeSet(
        features=np.zeros((count, 1), np.float16),
        schema_id="any",
        kinds=kinds,
        kind=np.array(kind),
        level_db=np.array(level_db),
        time_us=np.arange(count) // 2,
    )


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 60)), min_size=13, max_size=13), st.integers(0, 12))
def test_what_is_heard_better_is_heard_from_a_lower_level_on(shares, place):
    share, count = (np.array(column) for column in zip(*shares, strict=True))
    found = heard_from(LEVELS, share, count)
    assert found is None or -30 <= found <= 6
    better = share.copy()
    better[place] = 1.0
    then = heard_from(LEVELS, better, count)
    assert found is None or then <= found + 1e-9
    assert heard_from(LEVELS, np.zeros(13), count) is None
    assert heard_from(LEVELS, np.ones(13), count) == -30


def test_between_two_levels_it_is_interpolated_and_a_lucky_weak_probe_does_not_count():
    share = np.array([0.0] * 6 + [0.25, 0.75] + [1.0] * 5)
    assert heard_from(LEVELS, share, np.full(13, 60)) == pytest.approx(-10.5)
    lucky = share.copy()
    lucky[0] = 0.6
    assert heard_from(LEVELS, lucky, np.full(13, 60)) == pytest.approx(-10.5, abs=0.1)


def test_the_report_tells_each_kind_by_level_against_the_threshold():
    columns = [(kind, level) for kind in (0, 1) for level in (-6.0, 0.0) for _ in range(4)]
    kind, level = zip(*columns, strict=True)
    scores = np.array([0.1, 0.1, 0.6, 0.1, 0.6, 0.7, 0.5, 0.9] + [0.1] * 8)
    report = detectability(probes(kind, level), scores, np.array([0.1, 0.2, 0.5, 0.3]), 0.5)
    assert [one.kind for one in report.kinds] == ["tone", "hiss_high"]
    tone, hiss = report.kinds
    assert [(one.level_db, one.probes, one.share) for one in tone.levels] == [(-6, 4, 0.25), (0, 4, 1.0)]
    assert tone.heard_from_db == -4.0
    assert hiss.heard_from_db is None
    assert report.windows == 8
    assert report.false_alarm_rate == 0.25


def test_a_kind_without_probes_is_left_out():
    report = detectability(probes([0, 0], [0.0, 3.0]), np.ones(2), np.zeros(5), 0.5)
    assert [one.kind for one in report.kinds] == ["tone"]


def test_probes_of_windows_outside_of_the_baseline_stand_beside_their_neighbours():
    its = probes([0] * 6, [0.0] * 6)
    times = np.array([1, 2, 2_000])
    assert place_probes(times, its).tolist() == [0, 0, 0, 0, 1, 1]
