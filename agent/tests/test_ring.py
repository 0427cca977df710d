"""The sound that is kept in memory, as properties over any sequence of windows and gaps."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from audiosense_agent.ring import Ring
from audiosense_agent.windows import Window

RATE = 1_000
LENGTH = 100
WINDOW_US = LENGTH * 1_000


def window(start_us, first, gaps=0):
    """Make a window whose samples count up from ``first``, so that each tells its place in the sound."""
    return Window(start_us, (np.arange(first, first + LENGTH) / 32_767).astype(np.float32), gaps)


def hear(ring, gaps_us):
    """Push a window after each gap; returns their starts."""
    time_us, starts = 1_000_000, []
    for number, gap_us in enumerate(gaps_us):
        time_us += gap_us
        ring.push(window(time_us, number * LENGTH, gaps=int(gap_us > 0)))
        starts.append(time_us)
        time_us += WINDOW_US
    return starts


GAPS = st.lists(st.sampled_from([0, 0, 0, 5_000, 250_000]), min_size=1, max_size=20)


@given(GAPS, st.integers(0, 3_000_000), st.integers(0, 500_000), st.integers(0, 500_000))
def test_a_cut_is_exactly_what_was_heard_and_never_spans_a_gap(gaps_us, around, before_us, after_us):
    ring = Ring(RATE)
    starts = hear(ring, gaps_us)
    around_us = 1_000_000 + around
    cut = ring.cut(around_us, around_us - before_us, around_us + after_us)
    heard = [start for start in starts if start <= around_us < start + WINDOW_US]
    if not heard:
        # Where a window begins is known to a millisecond.
        assume(not any(start - 1_000 <= around_us < start for start in starts))
        assert cut is None
        return
    place = starts.index(heard[0])
    first = place
    while first > 0 and gaps_us[first] == 0:
        first -= 1
    last = place
    while last + 1 < len(starts) and gaps_us[last + 1] == 0:
        last += 1
    from_us = max(starts[first], around_us - before_us)
    to_us = min(starts[last] + WINDOW_US, around_us + after_us)
    assert abs(cut.start_us - from_us) <= 1_000
    assert abs(len(cut.samples) * 1_000 - (to_us - from_us)) <= 2_000
    if len(cut.samples):
        assert np.array_equal(np.diff(cut.samples), np.ones(len(cut.samples) - 1))
        assert cut.samples[0] == first * LENGTH + round((cut.start_us - starts[first]) / 1_000)


@given(GAPS, st.integers(0, 300_000))
def test_it_holds_little_more_than_what_it_was_told_to_keep(gaps_us, kept_us):
    ring = Ring(RATE)
    time_us = 1_000_000
    for number, gap_us in enumerate(gaps_us):
        time_us += gap_us
        ring.push(window(time_us, number * LENGTH))
        time_us += WINDOW_US
        ring.forget_before(time_us - kept_us)
        assert ring.bytes <= 2 * (kept_us / 1_000 + LENGTH / 2 + 1)
    assert sum(gaps_us) or ring.bytes >= 2 * min(len(gaps_us) * LENGTH, kept_us // 1_000)


def test_a_clock_that_is_set_back_does_not_let_it_grow():
    ring = Ring(RATE)
    ring.push(window(10**12, 0))
    for number in range(50):
        start_us = number * WINDOW_US
        ring.push(window(start_us, 0))
        ring.forget_before(start_us)
    assert ring.bytes == 2 * LENGTH
    assert ring.cut(10**12, 0, 2 * 10**12) is None


def test_samples_that_are_no_numbers_or_too_loud_are_kept_within_bounds():
    ring = Ring(RATE)
    ring.push(Window(0, np.array([np.nan, np.inf, -np.inf, 2.0, -2.0, 0.5], np.float32)))
    assert ring.cut(0, 0, 6_000).samples.tolist() == [0, 32_767, -32_767, 32_767, -32_767, 16_384]
