import os
from pathlib import Path

import numpy as np
import pytest

from audiosense_collector.training.detectors import find_detector
from audiosense_collector.training.fitting import fit
from audiosense_common import features
from audiosense_common.audio import read_recording, resample

RATE_HZ = 16_000
FOLDER = Path(os.environ.get("AUDIOSENSE_RECORDINGS", "")) / "bldc_motor"
HELD_OUT = {"1650", "1950"}

needs_recordings = pytest.mark.skipif(
    not os.environ.get("AUDIOSENSE_RECORDINGS") or not FOLDER.is_dir(),
    reason="AUDIOSENSE_RECORDINGS names no folder with bldc_motor/",
)


def windows_of(path, window_s, hop_s):
    recording = read_recording(path)
    samples = resample(recording.channel(0), recording.sample_rate_hz, RATE_HZ)
    extractor, length, hop = features.FeatureExtractor(RATE_HZ), int(window_s * RATE_HZ), int(hop_s * RATE_HZ)
    starts = range(0, len(samples) - length + 1, hop)
    return [extractor.extract(samples[start : start + length]) for start in starts]


@needs_recordings
@pytest.mark.parametrize("window_s", [2.0, 5.0])
@pytest.mark.parametrize("motor", ["M1", "M2"])
@pytest.mark.parametrize("name", ["ensemble", "isolation_forest"])
def test_a_damaged_propeller_sounds_stranger_than_speeds_that_were_not_in_the_baseline(name, motor, window_s):
    healthy = sorted((FOLDER / "Healthy" / motor).glob("*.flac"))
    known = [path for path in healthy if path.stem not in HELD_OUT]
    new = [path for path in healthy if path.stem in HELD_OUT]
    damaged = sorted((FOLDER / "Propeller" / motor).glob("*.flac"))
    assert min(len(known), len(new), len(damaged)) >= 2
    detector = find_detector(name)
    columns = [features.column(features.SCHEMA_ID, feature) for feature in detector.features]
    baseline, normal, strange = (
        np.array([row[columns] for path in paths for row in windows_of(path, window_s, 0.5)], np.float32)
        for paths in (known, new, damaged)
    )
    fitted = fit(detector, baseline).detector
    low, high = fitted.score(normal), fitted.score(strange)
    assert np.mean(high[:, None] > low[None, :]) > 0.9
