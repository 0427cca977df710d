"""Measurements put straight into the database, so that there are many of them, at any time and of any schema."""

from dataclasses import dataclass
from uuid import UUID, uuid4

import numpy as np
from sqlalchemy import text

from audiosense_collector.clock import to_datetime
from audiosense_collector.rollups import recompute
from audiosense_collector.rollups.rows import NONE
from audiosense_collector.storage import jobs
from audiosense_common.features import SCHEMA_ID, SCHEMAS

LEARNING, NORMAL, ANOMALOUS, STOPPED, INVALID = range(5)
WINDOW_US = 5_000_000
DIGESTS = ("a" * 64, "b" * 64)
THRESHOLDS = (0.61, 0.72)
_COPY = """
COPY measurement (sensor_id, time, epoch, seq, model, score, level_dbfs, dominant_hz, status, schema, features)
FROM STDIN
"""


@dataclass
class Heard:
    """Windows of one schema, column by column; ``model`` is a place in ``DIGESTS`` or ``NONE``."""

    time_us: np.ndarray
    status: np.ndarray
    model: np.ndarray
    score: np.ndarray
    level_dbfs: np.ndarray
    dominant_hz: np.ndarray
    features: np.ndarray
    schema_id: str = SCHEMA_ID

    def __len__(self):
        return len(self.time_us)

    def feature(self, name):
        """A feature's column; NaN where the schema lacks it."""
        names = SCHEMAS[self.schema_id]
        if name not in names:
            return np.full(len(self), np.nan)
        return self.features[:, names.index(name)].astype(float)


def hear(count, start_us, *, seed=0, step_us=WINDOW_US, schema_id=SCHEMA_ID, gap=0.05):
    """Windows of a machine that runs, stands still, is sometimes anomalous and not always heard."""
    rng = np.random.default_rng(seed)
    times = start_us + np.flatnonzero(rng.random(round(count * (1 + 2 * gap))) > gap)[:count] * step_us
    count = len(times)
    kinds = [LEARNING, NORMAL, ANOMALOUS, STOPPED, INVALID]
    status = rng.choice(kinds, count, p=[0.1, 0.7, 0.02, 0.08, 0.1])
    scored = np.isin(status, [NORMAL, ANOMALOUS, STOPPED])
    score = np.where(scored, np.clip(rng.normal(0.4, 0.1, count), 0, 1), np.nan).astype(np.float32)
    return Heard(
        time_us=times,
        status=status,
        model=np.where(scored, np.where(np.arange(count) < count // 2, 0, 1), NONE),
        score=score,
        level_dbfs=rng.normal(-40, 6, count).astype(np.float32),
        dominant_hz=rng.uniform(20, 8_000, count).astype(np.float32),
        features=rng.normal(-50, 9, (count, len(SCHEMAS[schema_id]))).astype(np.float16),
        schema_id=schema_id,
    )


async def numbers(runtime):
    """Numbers of the schemas, and of the digests, which have thresholds."""
    async with runtime.sessions.begin() as session:
        for name in SCHEMAS:
            known = text("INSERT INTO feature_schema (name) VALUES (:name) ON CONFLICT DO NOTHING")
            await session.execute(known, {"name": name})
        for digest, threshold in zip(DIGESTS, THRESHOLDS, strict=True):
            known = text(
                "INSERT INTO model_digest (digest, threshold) VALUES (:digest, :threshold) "
                "ON CONFLICT (digest) DO UPDATE SET threshold = excluded.threshold"
            )
            await session.execute(known, {"digest": digest, "threshold": threshold})
        schemas = {row.name: row.id for row in await session.execute(text("SELECT name, id FROM feature_schema"))}
        digests = {row.digest: row.id for row in await session.execute(text("SELECT digest, id FROM model_digest"))}
    return schemas, [digests[digest] for digest in DIGESTS]


async def keep(runtime, sensor, heard, *, table="measurement"):
    """Store windows without roll-ups, as releases before them did."""
    schemas, models = await numbers(runtime)
    epoch = uuid4()
    async with runtime.sessions.begin() as session:
        raw = (await (await session.connection()).get_raw_connection()).driver_connection
        async with raw.cursor() as cursor, cursor.copy(_COPY.replace("measurement", table)) as copy:
            for place in range(len(heard)):
                score, model = float(heard.score[place]), int(heard.model[place])
                await copy.write_row(
                    (
                        UUID(str(sensor)),
                        to_datetime(int(heard.time_us[place])),
                        epoch,
                        place,
                        None if model == NONE else models[model],
                        None if np.isnan(score) else score,
                        float(heard.level_dbfs[place]),
                        float(heard.dominant_hz[place]),
                        int(heard.status[place]),
                        schemas[heard.schema_id],
                        heard.features[place].astype("<f2").tobytes(),
                    )
                )
        counted = text("UPDATE sensor SET measurements = measurements + :count WHERE id = :sensor")
        await session.execute(counted, {"count": len(heard), "sensor": sensor})


async def roll_up(runtime, sensor=None):
    """Make roll-ups of what is stored, as after an upgrade."""
    async with runtime.sessions.begin() as session:
        await recompute.ask(session, None if sensor is None else UUID(str(sensor)))
    return await jobs.rebuild(runtime)


async def fetch(runtime, query, **parameters):
    """Rows of a query."""
    async with runtime.sessions.begin() as session:
        return (await session.execute(text(query), parameters)).all()


async def run(runtime, statement, **parameters):
    """Change something."""
    async with runtime.sessions.begin() as session:
        await session.execute(text(statement), parameters)
