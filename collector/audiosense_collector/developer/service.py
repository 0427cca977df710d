"""The rules of the sandbox: filling, emptying, training, its figures and events."""

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import now_us
from audiosense_collector.developer import store
from audiosense_collector.developer.figures import draw_figures
from audiosense_collector.developer.model import DECIMALS, TrainedModel, train
from audiosense_collector.developer.schemas import Kpis, LogRow, SandboxEvent, SandboxEvents, StatusWord, StreamScore
from audiosense_collector.developer.series import STATUS_WORDS, score_span, since
from audiosense_collector.developer.settings import DeveloperSettings
from audiosense_collector.developer.statistics import window_statistics
from audiosense_collector.developer.store import Row

GENERATED = 10_000
KPI_MINUTES = 60
_trainer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-training")


async def generate(session: AsyncSession, settings: DeveloperSettings, seed: int | None = None) -> int:
    """Empty the sandbox's measurements and insert 10,000 that end now; return how many are anomalous."""
    figures = draw_figures(np.random.default_rng(seed), GENERATED, settings.anomaly_rate)
    await store.empty(session, models=False)
    await store.copy_rows(session, figures, now_us(), settings.interval_s)
    return int(figures.anomalous.sum())


async def clear(session: AsyncSession) -> None:
    """Empty the sandbox's measurements and models."""
    await store.empty(session, models=True)


async def train_model(
    session: AsyncSession, settings: DeveloperSettings, window_size: int | None, threshold_pct: float | None
) -> TrainedModel:
    """Train on all of the sandbox's measurements and use the model from now on.

    Raises:
        TrainingError: too few measurements.
    """
    value, frequency, anomalous = await store.training_columns(session)
    task = partial(
        train,
        value,
        frequency,
        anomalous,
        window_size=settings.window_size if window_size is None else window_size,
        threshold_pct=settings.threshold_pct if threshold_pct is None else threshold_pct,
        trees=settings.trees,
    )
    model = await asyncio.get_running_loop().run_in_executor(_trainer, task)
    await store.save_model(session, model)
    await store.current_model(session)  # loads it now, so that the first list with scores does not wait for that
    return model


async def logs(session: AsyncSession, limit: int) -> list[LogRow]:
    """Return the newest measurements, newest first."""
    rows = await store.fetch(
        session,
        "SELECT time, value, frequency, anomalous FROM developer_measurement ORDER BY time DESC, id DESC "
        "LIMIT %(limit)s",
        {"limit": limit},
    )
    return [_log_row(row) for row in rows]


async def kpis(session: AsyncSession) -> Kpis:
    """Return the last measurement and the figures of the last hour.

    The rate counts from the oldest measurement where the sandbox is younger than the hour, but at least a minute.
    """
    last = await logs(session, 1)
    [(total, in_window, anomalies, minutes, last_anomaly)] = await store.fetch(
        session,
        """
        SELECT count(*), count(*) FILTER (WHERE time > %(since)s),
               count(*) FILTER (WHERE time > %(since)s AND anomalous),
               extract(epoch FROM now() - min(time))::float8 / 60, max(time) FILTER (WHERE anomalous)
        FROM developer_measurement
        """,
        {"since": since(KPI_MINUTES)},
    )
    span = min(float(KPI_MINUTES), max(1.0, minutes or 0.0))
    return Kpis(
        last_timestamp=last[0].timestamp if last else None,
        last_value=last[0].value if last else None,
        last_frequency=last[0].frequency if last else None,
        last_status=last[0].status if last else None,
        anomalies_percent_window=round(100 * anomalies / in_window, 2) if in_window else 0.0,
        total_measurements=total,
        ingest_rate_per_min=round(in_window / span, 2),
        window_minutes=KPI_MINUTES,
        last_anomaly_ts=last_anomaly,
    )


async def events(session: AsyncSession, *, minutes: float, page: int, per_page: int) -> SandboxEvents:
    """Return a page of the declared anomalies of the last ``minutes``, newest first, with the model's scores."""
    parameters = {"since": since(minutes), "limit": per_page, "skip": (page - 1) * per_page}
    [(total,)] = await store.fetch(
        session, "SELECT count(*) FROM developer_measurement WHERE anomalous AND time >= %(since)s", parameters
    )
    rows = await store.fetch(
        session,
        "SELECT time, value, frequency, anomalous, id FROM developer_measurement WHERE anomalous "
        "AND time >= %(since)s ORDER BY time DESC, id DESC LIMIT %(limit)s OFFSET %(skip)s",
        parameters,
    )
    model = await store.current_model(session)
    scores: dict[int, float] = {}
    if model is not None and rows:
        scores = await score_span(session, (rows[-1][0], rows[-1][4]), (rows[0][0], rows[0][4]), model)
    threshold = None if model is None else model.row.threshold
    items = [_event(row, scores.get(row[4], math.nan), threshold) for row in rows]
    return SandboxEvents(items=items, page=page, per_page=per_page, total=total)


async def stream_score(session: AsyncSession) -> StreamScore:
    """Score the newest window, or say why there is no score."""
    model = await store.current_model(session)
    if model is None:
        return _no_score("no model: call POST /anomaly/train first")
    row = model.row
    newest = await store.fetch(
        session,
        "SELECT value, frequency FROM developer_measurement ORDER BY time DESC, id DESC LIMIT %(count)s",
        {"count": row.window_size},
    )
    figures = {
        "threshold": row.threshold,
        "score_mean": row.score_mean,
        "score_std": row.score_std,
        "threshold_pct": row.threshold_pct,
        "window_size": row.window_size,
    }
    if len(newest) < row.window_size:
        found = f"too few rows: the sandbox holds {len(newest)} measurements, a window needs {row.window_size}"
        return _no_score(found).model_copy(update=figures)
    matrix = np.array(newest[::-1], dtype=np.float64)
    features = window_statistics(matrix[:, 0].copy(), matrix[:, 1].copy(), row.window_size)
    score = -float(model.scorer(features)[0])
    return StreamScore(
        status=_word(score < row.threshold),
        anomaly_score=round(score, DECIMALS),
        margin=round(score - row.threshold, DECIMALS),
        z_score=round((score - row.score_mean) / row.score_std, DECIMALS) if row.score_std > 0 else 0.0,
        detail=None,
        **figures,
    )


def _no_score(detail: str) -> StreamScore:
    return StreamScore(
        status="OK",
        anomaly_score=None,
        threshold=None,
        margin=None,
        score_mean=None,
        score_std=None,
        z_score=None,
        threshold_pct=None,
        window_size=None,
        detail=detail,
    )


def _log_row(row: Row) -> LogRow:
    time, value, frequency, anomalous = row[:4]
    return LogRow(timestamp=time, value=value, frequency=frequency, status=_word(anomalous))


def _event(row: Row, score: float, threshold: float | None) -> SandboxEvent:
    scored = threshold is not None and not math.isnan(score)
    return SandboxEvent(
        **dict(_log_row(row)),
        score=round(score, DECIMALS) if scored else None,
        threshold=threshold,
        margin=round(score - threshold, DECIMALS) if scored and threshold is not None else None,
    )


def _word(anomalous: bool) -> StatusWord:  # noqa: FBT001 - the one argument says it
    return STATUS_WORDS[anomalous]
