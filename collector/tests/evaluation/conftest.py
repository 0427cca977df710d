"""Folders of small synthetic clips, and forests small enough to be trained in a moment."""

from functools import partial

import numpy as np
import pytest
import soundfile

from audiosense_collector.evaluation import protocol
from audiosense_collector.evaluation.plan import Plan
from audiosense_collector.training.settings import FitSettings

RATE_HZ = 8_000
QUICK = {"folds": 2, "window_s": 0.5, "hop_s": 0.1}


def make_clip(path, seed=0, *, fault=False, seconds=1.6, rate_hz=RATE_HZ, channels=1):
    """Write noise, and with a fault a hiss that changes the whole spectrum."""
    rng = np.random.default_rng(seed)
    samples = 0.05 * rng.standard_normal((int(seconds * rate_hz) + 1, channels))
    samples = np.diff(samples, axis=0) if fault else samples[1:]
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate_hz)
    return path


def make_clips(folder, *, normal=4, abnormal=2, **options):
    """Write a machine's clips; every kind of option of ``make_clip`` applies to all of them."""
    for number in range(normal):
        make_clip(folder / "normal" / f"{number}.wav", number, **options)
    for number in range(abnormal):
        make_clip(folder / "abnormal" / f"{number}.wav", 100 + number, fault=True, **options)
    return folder


@pytest.fixture
def clip():
    return make_clip


@pytest.fixture
def machine():
    return make_clips


@pytest.fixture
def quick_plan():
    return lambda **options: Plan(**(QUICK | options))


@pytest.fixture(autouse=True)
def _small_forests(monkeypatch):
    monkeypatch.setattr(protocol, "FitSettings", partial(FitSettings, trees=15))
