"""The sandbox's rows and models in the database."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import now_us, to_datetime
from audiosense_collector.developer.figures import Figures
from audiosense_collector.developer.model import TrainedModel
from audiosense_collector.developer.tables import DeveloperModel
from audiosense_collector.training.scorer import OnnxScorer

Row = tuple[Any, ...]
COPY = (
    "COPY developer_measurement (time, value, frequency, anomalous, snr_db, flatness, band_levels) "
    "FROM STDIN WITH (FORMAT BINARY)"
)
COPY_TYPES = ("timestamptz", "float8", "float8", "bool", "float8", "float8", "float8[]")
_KEPT_SCORERS = 4


@dataclass(frozen=True, slots=True)
class CurrentModel:
    """The model in use, loaded."""

    row: DeveloperModel
    scorer: OnnxScorer


async def fetch(session: AsyncSession, query: str, parameters: dict[str, Any]) -> list[Row]:
    """Run a query of psycopg's on the session's connection and return plain tuples, read in binary.

    Ten thousand rows take a third of the time that they take as rows of SQLAlchemy.
    """
    driver = await _driver(session)
    async with driver.cursor(binary=True) as cursor:
        await cursor.execute(query.encode(), parameters)
        return await cursor.fetchall()


async def copy_rows(session: AsyncSession, figures: Figures, end_us: int, interval_s: float) -> None:
    """Append measurements in bulk, ``interval_s`` apart, the last one at ``end_us``."""
    driver = await _driver(session)
    async with driver.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.set_types(COPY_TYPES)
        for row in timed_rows(figures, end_us, interval_s):
            await copy.write_row(row)


def timed_rows(figures: Figures, end_us: int, interval_s: float) -> Iterator[Row]:
    """Yield measurements as ``COPY`` takes them."""
    start_us = end_us - round((len(figures.value) - 1) * interval_s * 1e6)
    for index, row in enumerate(figures.rows()):
        yield (to_datetime(start_us + round(index * interval_s * 1e6)), *row)


async def empty(session: AsyncSession, *, models: bool) -> None:
    """Empty the sandbox's measurements, and its models too."""
    await session.execute(text("TRUNCATE developer_measurement"))
    if models:
        await session.execute(text("TRUNCATE developer_model"))


async def training_columns(
    session: AsyncSession,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return value, frequency and declared anomaly of all measurements, in order of time."""
    rows = await fetch(session, "SELECT value, frequency, anomalous FROM developer_measurement ORDER BY time, id", {})
    matrix = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return matrix[:, 0].copy(), matrix[:, 1].copy(), matrix[:, 2] > 0


async def save_model(session: AsyncSession, model: TrainedModel) -> None:
    """Store a model; it is the one in use from now on."""
    session.add(
        DeveloperModel(
            created=now_us(),
            window_size=model.window_size,
            threshold_pct=model.threshold_pct,
            threshold=model.threshold,
            score_mean=model.score_mean,
            score_std=model.score_std,
            train_windows=model.train_windows,
            train_samples=model.train_samples,
            note=model.note,
            digest=hashlib.sha256(model.onnx).hexdigest(),
            onnx=model.onnx,
        )
    )
    await session.flush()


async def current_model(session: AsyncSession) -> CurrentModel | None:
    """Return the newest model, loaded; models that were loaded before are not read again."""
    newest = select(DeveloperModel).order_by(DeveloperModel.id.desc()).limit(1)
    row = (await session.scalars(newest)).one_or_none()
    if row is None:
        return None
    scorer = _scorers.get(row.digest)
    if scorer is None:
        onnx = await session.scalar(select(DeveloperModel.onnx).where(DeveloperModel.id == row.id))
        scorer = await asyncio.to_thread(_scorers.load, row.digest, onnx or b"")
    return CurrentModel(row, scorer)


class _Scorers:
    """Loaded models by the digest of their content."""

    def __init__(self) -> None:
        self._loaded: OrderedDict[str, OnnxScorer] = OrderedDict()

    def get(self, digest: str) -> OnnxScorer | None:
        return self._loaded.get(digest)

    def load(self, digest: str, onnx: bytes) -> OnnxScorer:
        scorer = self._loaded[digest] = OnnxScorer(onnx)
        while len(self._loaded) > _KEPT_SCORERS:
            self._loaded.popitem(last=False)
        return scorer


_scorers = _Scorers()


async def _driver(session: AsyncSession) -> psycopg.AsyncConnection[Row]:
    raw = await (await session.connection()).get_raw_connection()
    driver = raw.driver_connection
    assert isinstance(driver, psycopg.AsyncConnection)
    return driver
