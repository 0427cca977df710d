"""Measurements, events and configurations to test with."""

import numpy as np

from audiosense_agent.config import SensorSettings
from audiosense_agent.events import EventRevision, uuid7
from audiosense_agent.spool.rows import Measurement
from audiosense_common.features import SCHEMA_ID, SCHEMAS
from audiosense_common.wire import EventState, Reason, Status

REASONS = (
    Reason(key="band", low_hz=3_951.5, high_hz=5_040, value=-51, normal=-62.1, unit="dBFS", deviation=22),
    Reason(key="impulsiveness", feature="kurtosis_log", value=14, normal=3.2, unit="", deviation=-20.5),
)
WIDTH = len(SCHEMAS[SCHEMA_ID])
MODEL = "ab" * 32


def measurement(number, sensor="pump", score=0.5, **changes):
    vector = np.full(WIDTH, number % 97, np.float16)
    values = {
        "sensor": sensor,
        "time_us": 1_790_000_000_000_000 + number * 5_000_000,
        "score": score,
        "status": Status.LEARNING if score is None else Status.NORMAL,
        "model": None if score is None else MODEL,
        "level_dbfs": -30.0,
        "dominant_hz": 440.0,
        "schema_id": SCHEMA_ID,
        "features": vector,
    }
    return Measurement(**values | changes)


def event(revision=1, state=EventState.OPEN, event_id=None, sensor="pump", **changes):
    values = {
        "id": event_id or uuid7(1_790_000_000_000),
        "sensor": sensor,
        "revision": revision,
        "state": state,
        "start_us": 1_790_000_000_000_000,
        "end_us": 1_790_000_005_000_000,
        "peak_us": 1_790_000_000_000_000,
        "peak_score": 0.9,
        "threshold": 0.6,
        "windows": 3,
        "model": MODEL,
    }
    return EventRevision(**values | changes)


def simulated(name="pump", window_s=0.5, rate=8_000, **source):
    return SensorSettings(
        name=name,
        machine=f"machine of {name}",
        sample_rate_hz=rate,
        window_s=window_s,
        source={"type": "simulator", "kind": "pump", "history_s": 1_000, **source},
    )
