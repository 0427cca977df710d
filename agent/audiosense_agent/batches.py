"""Batches: measurements and events of the spool as one message in columns."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from uuid import UUID

import numpy as np
import zstandard

from audiosense_agent.errors import EnrolmentError
from audiosense_agent.events import EventRevision
from audiosense_agent.spool.flight import InFlight
from audiosense_agent.spool.gaps import Gap
from audiosense_agent.spool.rows import Measurement
from audiosense_common import wire_gaps
from audiosense_common.wire import MAX_MEASUREMENTS, Batch, Event, FeatureMatrix, SensorColumns

MAX_EVENTS = 1_000


class UnknownSensorError(EnrolmentError):
    """A spooled sensor has no identity yet; it must be registered first."""


def to_columns(measurements: Sequence[Measurement], sensors: Mapping[str, UUID]) -> list[SensorColumns]:
    """Put measurements into columns by sensor and feature schema, in order of ``seq``.

    Raises:
        UnknownSensorError: a sensor has no identity.
    """
    groups: dict[tuple[str, str], list[Measurement]] = {}
    for measurement in measurements:
        groups.setdefault((measurement.sensor, measurement.schema_id), []).append(measurement)
    return [_columns(_identify(sensor, sensors), schema, rows) for (sensor, schema), rows in groups.items()]


def wire_event(event: EventRevision, sensors: Mapping[str, UUID]) -> Event:
    """Give an event revision its sensor's identity."""
    return Event(**asdict(event) | {"sensor": _identify(event.sensor, sensors), "reasons": list(event.reasons)})


def pack(batch: Batch) -> bytes:
    """Compress a batch to the bytes that go over the wire."""
    return zstandard.compress(batch.model_dump_json(by_alias=True).encode())


def cover(measurements: Sequence[Measurement], events: Sequence[int], body: bytes = b"") -> InFlight:
    """Say what a batch carries, by sequence and row numbers."""
    low, high = (measurements[0].seq, measurements[-1].seq) if measurements else (1, 0)
    return InFlight(body, low, high, tuple(events))


def wire_gap(gap: Gap, sensors: Mapping[str, UUID]) -> wire_gaps.Gap:
    """Give a gap its sensor's identity; of one that has none it is told without."""
    return wire_gaps.Gap(
        epoch=gap.epoch,
        number=gap.number,
        sensor=sensors.get(gap.sensor or ""),
        reason=gap.reason,
        windows=gap.windows,
        **asdict(gap.span),
    )


def now_us() -> int:
    """The wall clock in UTC microseconds."""
    return time.time_ns() // 1_000


def _columns(sensor: UUID, schema_id: str, rows: list[Measurement]) -> SensorColumns:
    assert len(rows) <= MAX_MEASUREMENTS
    models = sorted({row.model for row in rows if row.model is not None})
    places = {model: place for place, model in enumerate(models)}
    return SensorColumns(
        sensor=sensor,
        seq=[row.seq for row in rows],
        time_us=[row.time_us for row in rows],
        score=[row.score for row in rows],
        status=[row.status for row in rows],
        models=models,
        model=[None if row.model is None else places[row.model] for row in rows],
        level_dbfs=[row.level_dbfs for row in rows],
        dominant_hz=[row.dominant_hz for row in rows],
        features=FeatureMatrix.pack(schema_id, np.stack([row.features for row in rows])),
        time_estimated=[place for place, row in enumerate(rows) if row.is_time_estimated],
        reasons={place: list(row.reasons) for place, row in enumerate(rows) if row.reasons is not None},
    )


def _identify(sensor: str, sensors: Mapping[str, UUID]) -> UUID:
    found = sensors.get(sensor)
    if found is None:
        raise UnknownSensorError(f"sensor {sensor!r} is not registered with the collector yet")
    return found
