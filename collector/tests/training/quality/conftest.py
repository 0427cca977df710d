"""Baselines of simulated machines: short windows, so that many are quickly made."""

from functools import cache

import numpy as np
import pytest

from audiosense_collector.training.quality.examine import examine
from audiosense_common.features import SCHEMA_ID, SCHEMAS, FeatureExtractor
from audiosense_common.synth import SyntheticMachine

RATE_HZ = 8_000
NAMES = SCHEMAS[SCHEMA_ID]


@cache
def heard(kind, seed=0, windows=120, gain=1.0, noise=0.0):
    """Feature vectors of a healthy machine's windows of 1 s; ``noise`` bursts drown it."""
    extractor, machine, rng = FeatureExtractor(RATE_HZ), SyntheticMachine(kind, RATE_HZ, seed), np.random.default_rng(1)
    rows = []
    for _ in range(windows):
        sound = gain * machine.render(RATE_HZ) + 3e-4 * rng.standard_normal(RATE_HZ)
        if noise:
            burst = np.exp(-np.arange(RATE_HZ) / RATE_HZ * rng.uniform(4, 12)) * rng.standard_normal(RATE_HZ)
            sound += noise * np.roll(burst, rng.integers(RATE_HZ // 2))
        rows.append(extractor.extract(np.clip(sound, -1, 1).astype(np.float32)))
    found = np.stack(rows)
    found.setflags(write=False)
    return found


@pytest.fixture
def machine():
    return heard


@pytest.fixture
def knocks():
    return heard("pump", windows=24, noise=0.5)


@cache
def examined(content, dtype, width):
    return examine(np.frombuffer(content, dtype).reshape(-1, width), NAMES)


@pytest.fixture
def look():
    """Examine a baseline; what several tests ask of the same windows is found once."""
    return lambda windows: examined(windows.tobytes(), windows.dtype, windows.shape[1])
