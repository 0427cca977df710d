"""Reading a sensor's stored windows and scoring them again, block by block."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, select

from audiosense_collector.errors import InvalidError
from audiosense_collector.ingest.tables import STATUS_CODES, Measurement
from audiosense_collector.model_evaluation.scored import Scored
from audiosense_collector.runtime import Runtime
from audiosense_collector.series.sources import Span, number_schemas
from audiosense_collector.training.maintenance import touching
from audiosense_collector.training.process import Scoring
from audiosense_common.bundle import Bundle
from audiosense_common.features import SCHEMAS
from audiosense_common.wire import Status

BLOCK_ROWS = 4_000
"""Read at a time: the event loop makes rows of them, between batches of agents."""
MOST_WINDOWS = 1_000_000
"""Windows whose scores are held in memory; a month of windows of half a second."""
_COLUMNS = (
    Measurement.time,
    Measurement.status,
    Measurement.schema,
    Measurement.score,
    Measurement.model,
    Measurement.features,
)


async def score(  # noqa: PLR0917 - what, with what, and whom to tell
    runtime: Runtime,
    span: Span,
    bundles: Sequence[Bundle],
    number: int | None,
    maintenance: Sequence[tuple[int, int | None]],
    tell: Callable[[float], None],
) -> Scored:
    """Score the stored windows of a span with some models; ``number`` is the first one's in the table of digests.

    ``maintenance`` is when the machine was worked on, UTC microseconds; what touches it counts for nothing.
    Windows whose time is not sure are left out: whether a model has learnt them cannot be told.

    Raises:
        InvalidError: there are too many windows.
        BundleError: a model cannot be used.
    """
    mine = (Measurement.sensor_id == span.sensor_id) & (Measurement.time >= span.from_us)
    query = select(*_COLUMNS).where(mine, Measurement.time < span.to_us, Measurement.clock_suspect.is_(False))
    query = query.order_by(Measurement.time, Measurement.epoch, Measurement.seq)
    rows, first = 0, None
    async with runtime.sessions() as session:
        scoring = _Scoring(runtime, bundles, number, maintenance, await number_schemas(session))
        result = await session.stream(query, execution_options={"yield_per": BLOCK_ROWS})
        async for block in result.partitions():
            rows += len(block)
            if rows > MOST_WINDOWS:
                raise InvalidError(f"the span holds more than {MOST_WINDOWS} windows; ask for a shorter one")
            first = block[0].time if first is None else first
            await scoring.take(block)
            tell(min(1.0, (block[-1].time - first) / max(1, span.to_us - first)))
    return scoring.scored()


class _Scoring:
    """Takes rows block by block."""

    def __init__(
        self,
        runtime: Runtime,
        bundles: Sequence[Bundle],
        number: int | None,
        maintenance: Sequence[tuple[int, int | None]],
        schemas: Mapping[int, str],
    ) -> None:
        self._trainer = runtime.trainer
        self._bundles = bundles
        self._number = number
        self._maintenance = maintenance
        self._models = {
            schema: [_model(bundle, SCHEMAS[name]) for bundle in bundles]
            for schema, name in schemas.items()
            if name in SCHEMAS and all(_needs(bundle) <= set(SCHEMAS[name]) for bundle in bundles)
        }
        self._times: list[NDArray[np.int64]] = []
        self._counts: list[NDArray[np.bool_]] = []
        self._scores: list[NDArray[np.float32]] = []
        self._own = self._equal = 0
        self._left_out = dict.fromkeys(("stopped", "invalid", "maintenance", "in_baseline", "other_features"), 0)

    async def take(self, rows: Sequence[Row[*tuple[Any, ...]]]) -> None:
        times = np.array([row.time for row in rows], np.int64)
        scores = await self._score(rows)
        self._compare(rows, scores[0])
        status = np.array([row.status for row in rows])
        learnt = np.zeros(len(rows), np.bool_)
        for bundle in self._bundles:
            baseline = bundle.manifest.baseline
            learnt |= (times >= baseline.from_us) & (times < baseline.to_us)
        counts = np.ones(len(rows), np.bool_)
        for reason, marked in (
            ("stopped", status == STATUS_CODES[Status.STOPPED]),
            ("invalid", status == STATUS_CODES[Status.INVALID]),
            ("maintenance", touching(self._maintenance, times, self._bundles[0].manifest.window_s)),
            ("in_baseline", learnt),
            ("other_features", np.isnan(scores[0])),
        ):
            self._left_out[reason] += int((counts & marked).sum())
            counts &= ~marked
        self._times.append(times)
        self._counts.append(counts)
        self._scores.append(np.where(counts, scores, np.float32(np.nan)))

    async def _score(self, rows: Sequence[Row[*tuple[Any, ...]]]) -> NDArray[np.float32]:
        """Return the scores (models, rows), NaN where a row lacks features."""
        found = np.full((len(self._bundles), len(rows)), np.nan, np.float32)
        schema_of = np.array([row.schema for row in rows])
        for schema, models in self._models.items():
            places = np.flatnonzero(schema_of == schema)
            if len(places):
                vectors = b"".join(rows[place].features for place in places.tolist())
                matrix = np.frombuffer(vectors, "<f2").reshape(len(places), -1)
                found[:, places] = await self._trainer.score(models, matrix)
        return found

    def _compare(self, rows: Sequence[Row[*tuple[Any, ...]]], scores: NDArray[np.float32]) -> None:
        own = [place for place, row in enumerate(rows) if row.score is not None and row.model == self._number]
        stored = np.array([rows[place].score for place in own], np.float32)
        self._own += len(own)
        self._equal += int((stored.view(np.uint32) == scores[own].view(np.uint32)).sum())

    def scored(self) -> Scored:
        """Return all that was taken."""
        none = np.zeros((len(self._bundles), 0), np.float32)
        return Scored(
            times_us=np.concatenate([np.zeros(0, np.int64), *self._times]),
            counts=np.concatenate([np.zeros(0, np.bool_), *self._counts]),
            scores=np.concatenate([none, *self._scores], axis=1),
            own=self._own,
            equal=self._equal,
            left_out=self._left_out,
        )


def _needs(bundle: Bundle) -> set[str]:
    return {need.name for need in bundle.manifest.features}


def _model(bundle: Bundle, names: Sequence[str]) -> Scoring:
    columns = tuple(names.index(need.name) for need in bundle.manifest.features)
    return Scoring(bundle.digest, bundle.model, columns)
