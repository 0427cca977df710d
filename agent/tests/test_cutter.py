"""Blocks of a device into windows: resampled, gaps counted, time never stretched."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosense_agent.sources.hub import Block, Ear
from audiosense_agent.sources.microphone import Cutter

START_US = 1_790_000_000_000_000


def blocks(rate, count, size, *, hertz=440.0, skip=(), jitter_us=0):
    """Blocks of a tone by the clock; those in ``skip`` never come."""
    random = np.random.default_rng(3)
    for number in range(count):
        first = number * size
        if number not in skip:
            wave = np.sin(2 * np.pi * hertz * (first + np.arange(size)) / rate).astype(np.float32)
            late_us = int(random.integers(-jitter_us, jitter_us + 1))
            yield Block(START_US + first * 1_000_000 // rate + late_us, wave, interrupted=False, lost=0)


def cut(cutter, sound):
    return [window for block in sound for window in cutter.push(block)]


@pytest.mark.parametrize(("from_hz", "to_hz"), [(48_000, 16_000), (44_100, 48_000), (16_000, 16_000)])
def test_windows_at_another_rate_keep_the_tone_and_the_clock(from_hz, to_hz):
    windows = cut(Cutter(to_hz, from_hz, to_hz), blocks(from_hz, 500, from_hz // 50))
    assert len(windows) == 9 + (from_hz == to_hz)
    assert {late.start_us - early.start_us for early, late in itertools.pairwise(windows)} == {1_000_000}
    assert sum(window.gaps for window in windows) == 0
    for window in windows[1:]:
        power = np.abs(np.fft.rfft(window.samples))
        assert int(power.argmax()) == 440
        assert np.sqrt(np.mean(window.samples**2)) == pytest.approx(np.sqrt(0.5), rel=0.01)
        time_s = (window.start_us - START_US) / 1e6 + np.arange(to_hz) / to_hz
        expected = np.sin(2 * np.pi * 440 * time_s)
        assert np.corrcoef(window.samples, expected)[0, 1] > 0.9, "the samples are from the time that is told"


@settings(deadline=None, max_examples=30)
@given(
    gone=st.lists(st.tuples(st.integers(2, 90), st.integers(1, 30)), max_size=4),
    rates=st.sampled_from([(16_000, 16_000), (16_000, 8_000), (8_000, 16_000), (11_025, 8_000)]),
    jitter_us=st.integers(0, 100_000),
)
def test_no_window_spans_a_gap_and_each_is_where_its_sound_was(gone, rates, jitter_us):
    from_hz, to_hz = rates
    size = from_hz // 10
    skip = {number for first, count in gone for number in range(first, first + count)}
    ramp = [
        Block(block.start_us, np.full(size, number, np.float32), interrupted=False, lost=0)
        for number, block in enumerate(blocks(from_hz, 100, size, jitter_us=jitter_us))
        if number not in skip
    ]
    windows = cut(Cutter(to_hz, from_hz, to_hz), ramp)
    for early, late in itertools.pairwise(windows):
        assert late.start_us >= early.start_us + 1_000_000 - 100_000 - 2 * jitter_us - 500_000
        assert late.gaps or late.start_us - early.start_us == 1_000_000
    for window in windows:
        numbers = np.unique(np.round(window.samples[to_hz // 20 : -to_hz // 20 : to_hz // 10]))
        begins = (window.start_us - START_US) / 100_000
        assert numbers[0] == pytest.approx(begins, abs=8 + jitter_us / 50_000), "half a second is the tolerance"


def test_what_a_full_queue_cannot_hold_is_an_overflow_whose_length_is_known():
    ear, rate = Ear(0), 1_000
    for number in range(600):
        ear.hear(START_US + number * 100_000, np.full((100, 1), number, np.float32), overflowed=False)
    cutter, windows = Cutter(1_000, rate, rate), []
    for number in range(600, 1_200):
        windows += cutter.push(ear.get())
        ear.hear(START_US + number * 100_000, np.full((100, 1), number, np.float32), overflowed=False)
    assert [window.overflows for window in windows].count(1) == 1
    broken = next(place for place, window in enumerate(windows) if window.overflows)
    assert windows[broken].gaps == 1
    assert windows[broken].start_us == START_US + 600 * 100_000
    assert windows[broken].samples[0] == 600
