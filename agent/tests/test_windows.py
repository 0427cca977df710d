"""The sample clock: exact distances, gaps counted and never spanned."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audiosense_agent.windows import TimedWindower


def samples(count, start=0):
    return np.arange(start, start + count, dtype=np.float32)


@given(st.lists(st.integers(0, 700), max_size=40), st.integers(1, 300), st.sampled_from([7, 8_000, 44_100, 48_000]))
def test_any_blocks_give_the_same_windows_and_exact_times(sizes, length, rate):
    windower = TimedWindower(length, rate, 1_000_000)
    windows, heard = [], 0
    for size in sizes:
        windows += windower.push(samples(size, heard))
        heard += size
    assert len(windows) == heard // length
    for index, window in enumerate(windows):
        assert window.start_us == 1_000_000 + index * length * 1_000_000 // rate
        assert window.samples[0] == index * length
        assert window.gaps == 0


def test_lost_samples_advance_the_clock_and_break_the_window():
    windower = TimedWindower(100, 1_000, 0)
    assert windower.push(samples(50)) == []
    windower.skip(30)
    (window,) = windower.push(samples(100))
    assert (window.start_us, window.gaps) == (80_000, 1)
    assert window.samples[0] == 0


def test_a_gap_of_unknown_length_sets_a_new_anchor():
    windower = TimedWindower(10, 1_000, 0)
    windower.push(samples(5))
    windower.anchor(7_000_000)
    first, second = windower.push(samples(20))
    assert (first.start_us, first.gaps, second.start_us, second.gaps) == (7_000_000, 1, 7_010_000, 0)


def test_the_clock_follows_only_beyond_its_tolerance():
    windower = TimedWindower(10, 1_000, 0, tolerance_us=500_000)
    assert not windower.follow(499_000)
    assert windower.now_us == 0
    assert windower.follow(600_000)
    assert windower.now_us == 600_000
