import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosense_common.windows import Windower, split


@st.composite
def streams(draw):
    length = draw(st.integers(1, 40))
    hop = draw(st.integers(1, length))
    blocks = draw(st.lists(st.integers(0, 60), max_size=20))
    return length, hop, blocks


@given(streams())
def test_a_stream_in_blocks_of_any_size_gives_the_windows_of_the_whole(stream):
    length, hop, sizes = stream
    samples = np.arange(sum(sizes), dtype=np.float32)
    windower = Windower(length, hop)
    found = []
    for block in np.split(samples, np.cumsum(sizes)[:-1]) if sizes else []:
        found += windower.push(block)
    expected = list(split(samples, length, hop))
    assert [start for start, _ in found] == [hop * i for i in range(len(expected))]
    assert all(np.array_equal(window, whole) for (_, window), whole in zip(found, expected, strict=True))
    assert windower.pending == len(samples) - hop * len(expected)


def test_the_default_is_end_to_end_and_the_rest_is_left_out():
    assert [list(window) for window in split(np.arange(7), 3)] == [[0, 1, 2], [3, 4, 5]]


def test_blocks_of_several_channels_are_cut_along_time():
    windows = Windower(2).push(np.zeros((5, 3)))
    assert [(start, window.shape) for start, window in windows] == [(0, (2, 3)), (2, (2, 3))]


def test_a_window_stays_as_it_was_when_the_caller_reuses_its_block():
    block = np.ones(4)
    [(_, window)] = Windower(4).push(block)
    block[:] = 0.0
    assert window.tolist() == [1.0] * 4


def test_after_a_gap_the_stream_goes_on_at_its_new_start():
    windower = Windower(4)
    windower.push(np.zeros(3))
    windower.restart(100)
    assert windower.pending == 0
    assert [start for start, _ in windower.push(np.ones(8))] == [100, 104]


@pytest.mark.parametrize(("length", "hop"), [(0, None), (4, 0), (4, 5), (-1, None)])
def test_a_hop_outside_of_the_window_is_refused(length, hop):
    with pytest.raises(ValueError, match="expected 1 to the window's length"):
        Windower(length, hop)
