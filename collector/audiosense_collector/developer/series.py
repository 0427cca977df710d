"""``GET /analyses``: ten thousand measurements, scored in one run and written as JSON without an object per key."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import now_us, to_datetime
from audiosense_collector.developer.model import DECIMALS, score_rows
from audiosense_collector.developer.store import CurrentModel, Row, current_model, fetch

STATUS_WORDS: tuple[Literal["OK"], Literal["Anomalo"]] = ("OK", "Anomalo")
_ROWS = """
SELECT id, time, value, frequency, anomalous, snr_db, flatness, band_levels FROM developer_measurement
WHERE time >= %(since)s ORDER BY time DESC, id DESC LIMIT %(limit)s OFFSET %(skip)s
"""
_BEFORE = """
SELECT value, frequency FROM developer_measurement
WHERE (time, id) < (%(time)s, %(id)s) ORDER BY time DESC, id DESC LIMIT %(count)s
"""
_SPAN = """
SELECT id, time, value, frequency FROM developer_measurement
WHERE (time, id) >= (%(t0)s, %(id0)s) AND (time, id) <= (%(t1)s, %(id1)s) ORDER BY time, id
"""
_EVER = to_datetime(0)


def since(minutes: float | None) -> datetime:
    """Return the start of the last ``minutes``; without them, of all time."""
    return _EVER if minutes is None else to_datetime(now_us()) - timedelta(minutes=minutes)


async def analyses_json(session: AsyncSession, *, skip: int, limit: int, minutes: float | None) -> bytes:
    """Return the newest ``limit`` measurements after ``skip`` newer ones, in ascending time, as a JSON list."""
    rows = await fetch(session, _ROWS, {"since": since(minutes), "limit": limit, "skip": skip})
    rows.reverse()
    model = await current_model(session)
    before = await _before(session, rows, model)
    return await asyncio.to_thread(_write, rows, before, model)


async def score_span(session: AsyncSession, first: Row, last: Row, model: CurrentModel) -> dict[int, float]:
    """Score the measurements from ``first`` to ``last`` (time, id); NaN for those with no complete window."""
    rows = await fetch(session, _SPAN, {"t0": first[0], "id0": first[1], "t1": last[0], "id1": last[1]})
    before = await _before(session, rows, model)
    scores = await asyncio.to_thread(_score, rows, before, model)
    return dict(zip((row[0] for row in rows), scores.tolist(), strict=True))


async def _before(session: AsyncSession, rows: list[Row], model: CurrentModel | None) -> list[Row]:
    """Return value and frequency of the measurements before the first row, which its window needs."""
    if model is None or not rows:
        return []
    count = model.row.window_size - 1
    before = await fetch(session, _BEFORE, {"time": rows[0][1], "id": rows[0][0], "count": count})
    before.reverse()
    return before


def _score(rows: list[Row], before: list[Row], model: CurrentModel) -> NDArray[np.float64]:
    pairs = before + [row[2:4] for row in rows]
    matrix = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    scores = score_rows(model.scorer, matrix[:, 0].copy(), matrix[:, 1].copy(), model.row.window_size)
    return scores[len(before) :].round(DECIMALS)


def _write(rows: list[Row], before: list[Row], model: CurrentModel | None) -> bytes:
    scores: list[Any] = [None] * len(rows)
    margins, threshold = scores, None
    if model is not None:
        threshold = model.row.threshold
        scored = _score(rows, before, model)
        scores, margins = scored.tolist(), (scored - threshold).round(DECIMALS).tolist()
    items = [
        {
            "id": number,
            "timestamp": time,
            "rms_db": round(100 * value, 4),
            "dominant_freq_hz": frequency,
            "status": STATUS_WORDS[anomalous],
            "snr_db": snr_db,
            "flatness": flatness,
            "band_levels": band_levels,
            "model_score": score,
            "model_margin": margin,
            "model_threshold": threshold,
        }
        for (number, time, value, frequency, anomalous, snr_db, flatness, band_levels), score, margin in zip(
            rows, scores, margins, strict=True
        )
    ]
    return to_json(items, inf_nan_mode="null")
