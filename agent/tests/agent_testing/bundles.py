"""Real bundles: a forest trained on simulated sound by the collector's own code."""

import functools
import time

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audiosense_collector.signing import SigningKey
from audiosense_collector.training.baseline import BaselineWindows
from audiosense_collector.training.build import SensorModel, build_bundle
from audiosense_collector.training.settings import FitSettings
from audiosense_common.features import SCHEMA_ID, SCHEMAS, FeatureExtractor
from audiosense_common.synth import SyntheticMachine

KEY = SigningKey.of(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER_KEY = SigningKey.of(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
RATE, WINDOW_S = 8_000, 0.5


@functools.cache
def vectors(count=120, seed=1):
    machine, extractor = SyntheticMachine("pump", RATE, seed), FeatureExtractor(RATE)
    return np.stack([extractor.extract(machine.render(round(RATE * WINDOW_S))) for _ in range(count)])


@functools.cache
def make_bundle(sensor_id, version=1, *, key=KEY, created_us=None, rate=RATE, schema_id=SCHEMA_ID, **options):
    """Train a model; the same one when asked for again, which tests may change copies of only."""
    created_us = created_us or time.time_ns() // 1_000
    windows = vectors()[:, : len(SCHEMAS[schema_id])]
    baseline = BaselineWindows(features=windows, schema_id=schema_id, from_us=0, to_us=60_000_000)
    model = SensorModel(sensor=sensor_id, version=version, sample_rate_hz=rate, window_s=WINDOW_S)
    settings = FitSettings(trees=20, samples=64)
    return build_bundle(baseline, model, key, created_us=created_us, settings=settings, **options)
