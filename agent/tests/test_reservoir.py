import json
import os
import stat
from contextlib import closing

import numpy as np
import pytest
from agent_testing.samples import simulated
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosense_agent.config import Settings
from audiosense_agent.reservoir import LEAST_WINDOWS, MAX_WINDOWS, Reservoir, drop_others, reservoir_folder
from audiosense_agent.service import Service
from audiosense_agent.spool import Spool
from audiosense_agent.windows import Window
from audiosense_common.wire import Status

RATE = 1_000
LENGTH = 50


def window(number, loudness=0.1):
    rng = np.random.default_rng(number)
    return Window(number, (loudness * rng.standard_normal(LENGTH)).astype(np.float32))


def room_for(windows, length=LENGTH):
    return windows * (2 * length + 1_024)


def opened(folder, windows=MAX_WINDOWS, seed=0, length=LENGTH, rate=RATE):
    return Reservoir(folder, rate, length, max_bytes=room_for(windows, length), seed=seed)


def fill(reservoir, count, status=Status.LEARNING, first=0):
    for number in range(first, first + count):
        reservoir.offer(window(number), status)


def starts(reservoir):
    return sorted(reservoir.read(place).start_us for place in reservoir.places())


def test_each_window_heard_has_the_same_chance_to_be_kept(tmp_path):
    kept = np.zeros(80)
    for seed in range(60):
        reservoir = opened(tmp_path / str(seed), windows=20, seed=seed)
        fill(reservoir, 80)
        assert reservoir.count == 20
        kept[starts(reservoir)] += 1
    quarters = kept.reshape(4, 20).sum(axis=1)
    # 300 expected in each, standard deviation 13.
    assert np.all(np.abs(quarters - 300) < 55)


@given(st.floats(1e-6, 100), st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_samples_come_back_to_96_db_below_their_peak(tmp_path_factory, loudness, seed):
    reservoir = opened(tmp_path_factory.mktemp("reservoir"))
    kept = window(seed, loudness)
    reservoir.offer(kept, Status.LEARNING)
    found = reservoir.read(0)
    assert found.start_us == kept.start_us
    peak = np.abs(kept.samples).max()
    assert np.abs(found.samples - kept.samples).max() <= peak / 32_767
    reservoir.offer(Window(1, np.zeros(LENGTH, np.float32)), Status.LEARNING)
    assert not reservoir.read(1).samples.any()


def test_it_goes_on_after_a_restart_as_if_there_had_been_none(tmp_path):
    kept = np.zeros(80)
    for seed in range(60):
        folder = tmp_path / str(seed)
        for part in range(4):
            fill(opened(folder, windows=20, seed=10 * seed + part), 20, first=20 * part)
        again = opened(folder, windows=20)
        assert again.count == 20
        kept[starts(again)] += 1
    assert np.all(np.abs(kept.reshape(4, 20).sum(axis=1) - 300) < 70)


def test_files_are_for_their_owner_alone_and_bounded(tmp_path):
    folder = tmp_path / "probes" / "pump"
    reservoir = opened(folder, windows=30)
    fill(reservoir, 200)
    files = list(folder.iterdir())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert sum(path.stat().st_size for path in files) <= room_for(30)
    assert opened(tmp_path / "many", windows=10_000).capacity == MAX_WINDOWS


def test_without_room_for_a_window_nothing_is_kept(tmp_path):
    reservoir = opened(tmp_path / "none", windows=0)
    fill(reservoir, 5)
    assert not (tmp_path / "none").exists()
    assert not reservoir.is_ready


def test_windows_of_the_learning_phase_are_kept_and_no_others_once_they_suffice(tmp_path):
    reservoir = opened(tmp_path)
    fill(reservoir, LEAST_WINDOWS - 1)
    assert not reservoir.is_ready
    fill(reservoir, 5, Status.ANOMALOUS, first=1_000)
    fill(reservoir, 5, Status.STOPPED, first=2_000)
    fill(reservoir, 5, Status.INVALID, first=3_000)
    assert reservoir.count == LEAST_WINDOWS - 1
    fill(reservoir, 9, Status.NORMAL, first=4_000)
    assert reservoir.is_ready
    assert starts(reservoir)[-1] == 4_000
    assert reservoir.count == LEAST_WINDOWS


def test_a_sensor_that_never_learnt_here_keeps_normal_windows_until_it_has_enough(tmp_path):
    reservoir = opened(tmp_path, windows=40)
    fill(reservoir, 39, Status.NORMAL)
    assert not reservoir.is_ready
    fill(reservoir, 1, Status.NORMAL, first=39)
    assert reservoir.is_ready


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"no archive"),
        lambda path: path.write_bytes(path.read_bytes()[:-40]),
        lambda path: path.write_bytes(b""),
        lambda path: np.savez(path, samples=np.zeros(3, np.int16), scale=1.0, start_us=1),
        lambda path: np.savez(path, samples=np.zeros(LENGTH, np.int16), scale=np.nan, start_us=1),
        lambda path: np.savez(path, samples=np.array([{}] * LENGTH), scale=1.0, start_us=1),
        lambda path: path.unlink(),
    ],
    ids=["other content", "cut short", "empty", "another length", "no scale", "objects", "gone"],
)
def test_a_damaged_window_is_set_aside_and_the_others_serve(tmp_path, damage):
    fill(opened(tmp_path), 30)
    damage(tmp_path / "window-007.npz")
    reservoir = opened(tmp_path)
    assert reservoir.read(7) is None
    assert 7 not in reservoir.places()
    assert reservoir.read(8).start_us == 8
    assert not (tmp_path / "window-007.npz").exists()
    assert reservoir.is_ready


def test_a_bit_that_flipped_is_noticed(tmp_path):
    fill(opened(tmp_path), 1)
    path = tmp_path / "window-000.npz"
    content = bytearray(path.read_bytes())
    place = content.find(b"samples.npy") + 200
    content[place] ^= 1
    path.write_bytes(content)
    assert opened(tmp_path).read(0) is None
    assert (tmp_path / "damaged.npz").exists()


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"seen": "many"}', None], ids=str)
def test_without_its_note_a_sample_is_begun_anew(tmp_path, note):
    fill(opened(tmp_path), 30)
    if note is None:
        (tmp_path / "sample.json").unlink()
    else:
        (tmp_path / "sample.json").write_bytes(note)
    reservoir = opened(tmp_path)
    assert reservoir.count == 0
    assert not list(tmp_path.glob("window-*"))
    fill(reservoir, 25, first=500)
    assert starts(reservoir) == list(range(500, 525))


def test_a_sample_of_another_rate_or_length_is_dropped(tmp_path):
    fill(opened(tmp_path), 30)
    assert opened(tmp_path, rate=2_000).count == 0
    fill(opened(tmp_path), 30)
    assert opened(tmp_path, length=LENGTH + 1).count == 0


def test_a_smaller_bound_gives_up_what_is_beyond_it(tmp_path):
    fill(opened(tmp_path), 30)
    assert opened(tmp_path, windows=10).count == 10
    assert len(list(tmp_path.glob("window-*"))) == 10


def test_a_full_disk_costs_windows_of_the_sample_and_nothing_else(tmp_path, caplog, monkeypatch):
    reservoir = opened(tmp_path)
    fill(reservoir, 25)
    real = os.statvfs

    def full(path):
        found = real(path)
        return os.statvfs_result((*found[:4], 10, *found[5:]))

    monkeypatch.setattr(os, "statvfs", full)
    fill(reservoir, 10, first=100)
    assert starts(reservoir) == list(range(25))
    assert [record.message for record in caplog.records] == [
        "a window for the probes is not kept: less than 64 MiB are free; the disk may be full"
    ]
    monkeypatch.undo()
    fill(reservoir, 5, first=200)
    assert starts(reservoir) == [*range(25), *range(200, 205)]


def test_a_write_that_fails_in_the_middle_leaves_no_half_window(tmp_path, monkeypatch):
    reservoir = opened(tmp_path)

    def fail(file, **_arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(np, "savez", fail)
        fill(reservoir, 3)
    assert reservoir.count == 0
    assert not list(tmp_path.glob("*.npz"))
    assert not list(tmp_path.glob(".window*"))


def test_what_belongs_to_no_sensor_any_more_is_deleted(tmp_path):
    names = ["pump/1", "../fan", "p" * 120]
    for name in names:
        fill(opened(reservoir_folder(tmp_path, name)), 3)
    assert len({path.name for path in tmp_path.iterdir()}) == 3
    drop_others(tmp_path, ["pump/1"])
    assert [path.name for path in tmp_path.iterdir()] == [reservoir_folder(tmp_path, "pump/1").name]
    drop_others(tmp_path, [])
    drop_others(tmp_path / "never made", [])
    assert not list(tmp_path.iterdir())


def test_the_note_holds_no_sound(tmp_path):
    fill(opened(tmp_path), 3)
    note = json.loads((tmp_path / "sample.json").read_text())
    assert note == {"sample_rate_hz": RATE, "length": LENGTH, "seen": 3, "learnt": True}


def test_an_agent_whose_samples_cannot_be_read_goes_on_without_them(tmp_path, caplog):
    (tmp_path / "probes").write_text("no folder")
    Service(Settings(name="test", state_dir=tmp_path, sensors=[simulated()]), stop_after=2).run()
    with closing(Spool(tmp_path / "spool.db")) as spool:
        assert spool.status().rows == 2
    assert "no windows are kept for probes" in caplog.text
    assert (tmp_path / "probes").read_text() == "no folder"
