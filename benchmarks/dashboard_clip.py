"""Sound for ``benchmarks.dashboard``: events of a sensor with a clip each, and its reference clip, as agents send."""

import hashlib
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import soundfile

from audiosense_collector.clips.storage import ClipFiles
from audiosense_common.synth import SyntheticMachine

RATE_HZ = 48_000
BEFORE_S, CLIP_S = 5, 15
_EVENT = """
INSERT INTO event (id, sensor_id, revision, state, start, "end", peak, peak_score, threshold, windows, model_digest)
VALUES (%(id)s, %(sensor)s, 2, 'close', %(start)s, %(end)s, %(start)s, 0.9, 0.62, 12, %(digest)s)
"""
_CLIP = """
INSERT INTO clip (id, sensor_id, event_id, kind, start, opening, sample_rate_hz, frames, bytes, sha256, received)
VALUES (%(id)s, %(sensor)s, %(event)s, %(kind)s, %(start)s, %(opening)s, %(rate)s, %(frames)s, %(bytes)s, %(sha256)s,
    now())
"""


def add_events_with_clips(connection: psycopg.Connection, sensor: UUID, folder: Path, count: int, digest: str) -> None:
    """Write ``count`` events that ended just now, newest last, and a reference clip of the hour before."""
    files = ClipFiles.at(str(folder))
    now = datetime.now(UTC)
    _add_clip(connection, files, sensor, None, now - timedelta(hours=1), seed=0)
    for number in range(count):
        start = now - timedelta(minutes=2 * (count - number))
        event = uuid4()
        values = {"id": event, "sensor": sensor, "start": start, "end": start + timedelta(minutes=1), "digest": digest}
        connection.execute(_EVENT, values)
        _add_clip(connection, files, sensor, event, start, seed=1 + number)


def _add_clip(
    connection: psycopg.Connection, files: ClipFiles, sensor: UUID, event: UUID | None, opening: datetime, *, seed: int
) -> None:
    sound = SyntheticMachine("gearbox", RATE_HZ, seed=seed).render(CLIP_S * RATE_HZ)
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, RATE_HZ, format="FLAC", subtype="PCM_16")
    content = buffer.getvalue()
    sha256 = hashlib.sha256(content).hexdigest()
    files.put(sha256, content)
    connection.execute(
        _CLIP,
        {
            "id": event or uuid4(),
            "sensor": sensor,
            "event": event,
            "kind": "event" if event else "reference",
            "start": opening - timedelta(seconds=BEFORE_S),
            "opening": opening,
            "rate": RATE_HZ,
            "frames": len(sound),
            "bytes": len(content),
            "sha256": sha256,
        },
    )
