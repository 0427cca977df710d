"""Training in a process of its own, so that requests are answered while a forest is fitted."""

import asyncio
import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.signing import load_signing_key
from audiosense_collector.training.errors import TrainingError
from audiosense_collector.training.probing import OTHER_TIME, ProbeSet
from audiosense_collector.training.running import RunningSettings
from audiosense_collector.training.settings import AUTO, FitSettings
from audiosense_common.features import schema

if TYPE_CHECKING:
    from audiosense_collector.training.baseline import Prepared

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class TrainingOrder:
    """All that the training process must know; ``matrix`` is (windows, features) float16 in order of time."""

    trust_dir: Path
    sensor: UUID
    version: int
    sample_rate_hz: int
    window_s: float
    schema_id: str
    matrix: NDArray[np.float16]
    from_us: int
    to_us: int
    created_us: int
    detector: str
    trees: int
    false_alarms_per_week: float
    percentile: float | None
    times_us: NDArray[np.int64]
    accept_drift: bool = False
    running: RunningSettings = field(default_factory=RunningSettings)
    probes: ProbeSet | None = None
    probes_created: int = 0


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training gives.

    Attributes:
        packed: the bundle.
        reference_bins: the packed distribution of the windows that it was trained on.
        report: of what it hears, as JSON takes it; null without probes.
    """

    packed: bytes
    reference_bins: bytes
    report: dict[str, Any] | None


def train(order: TrainingOrder) -> Trained:
    """Train a model.

    Raises:
        TrainingError: the windows cannot give a model.
    """
    from audiosense_collector.training.build import SensorModel, build  # noqa: PLC0415 - scikit-learn stays out of the
    from audiosense_collector.training.choice import choose_detector  # noqa: PLC0415 - server's memory
    from audiosense_collector.training.detectors import find_detector  # noqa: PLC0415

    ready = _prepare(order)
    probes = ready.usable(order.probes)
    settings = FitSettings(
        trees=order.trees, false_alarms_per_week=order.false_alarms_per_week, percentile=order.percentile
    )
    if order.detector == AUTO:
        choice = choose_detector(ready.windows, probes, settings)
        detector, figures = choice.detector, choice.figures
    else:
        detector, figures = find_detector(order.detector), {}
    model = SensorModel(
        sensor=order.sensor,
        version=order.version,
        sample_rate_hz=order.sample_rate_hz,
        window_s=order.window_s,
    )
    built = build(
        ready,
        model,
        load_signing_key(order.trust_dir),
        created_us=order.created_us,
        detector=detector,
        settings=settings,
        probes=probes,
        choice=figures,
    )
    report = None if built.detectability is None else built.detectability.model_dump(mode="json")
    return Trained(built.bundle.pack(), built.reference.pack(), report)


def assess(order: TrainingOrder, threshold: float) -> dict[str, Any]:
    """Report what a detector hears of the order's probes at a threshold, as JSON takes it.

    Raises:
        TrainingError: the windows cannot give a model.
    """
    from audiosense_collector.training.baseline import select_features  # noqa: PLC0415
    from audiosense_collector.training.build import select_probes  # noqa: PLC0415
    from audiosense_collector.training.detectability import detectability  # noqa: PLC0415
    from audiosense_collector.training.detectors import find_detector  # noqa: PLC0415
    from audiosense_collector.training.fitting import fit  # noqa: PLC0415

    ready, detector = _prepare(order), find_detector(order.detector).within(schema(order.schema_id))
    windows = select_features(ready.windows, detector.features).astype(np.float32)
    probes = ready.usable(order.probes)
    if probes is None:
        raise TrainingError(OTHER_TIME)
    probed = select_probes(ready.windows, probes, detector.features)
    found = fit(detector, windows, FitSettings(trees=order.trees), probes=probed, period_s=order.window_s)
    assert found.probed is not None
    return detectability(probes, found.probed, found.held_out, threshold).model_dump(mode="json")


def _prepare(order: TrainingOrder) -> "Prepared":
    from audiosense_collector.training.baseline import BaselineWindows, prepare  # noqa: PLC0415

    baseline = BaselineWindows(
        features=order.matrix,
        schema_id=order.schema_id,
        from_us=order.from_us,
        to_us=order.to_us,
        times_us=order.times_us,
    )
    return prepare(baseline, order.running, accept_drift=order.accept_drift)


class Trainer:
    """One training process, started when it is first needed."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    async def run(self, order: TrainingOrder) -> Trained:
        """Train in the process.

        Raises:
            OSError: the process could not be started or was killed; the next training gets a new one.
            TrainingError: as ``train`` raises it.
        """
        return await self._do(train, order)

    async def assess(self, order: TrainingOrder, threshold: float) -> dict[str, Any]:
        """Report on a model's probes in the process; raises as ``run`` does."""
        return await self._do(assess, order, threshold)

    async def _do(self, work: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        try:
            call = functools.partial(work, *arguments, **named)
            return await asyncio.get_running_loop().run_in_executor(self.pool(), call)
        except BrokenProcessPool:
            self.close()
            raise OSError("the training process was killed, most likely for lack of memory") from None
        except OSError:
            self.close()
            raise

    def pool(self) -> ProcessPoolExecutor:
        """Return the executor of the process, made on first use."""
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_live_with_parent)
        return self._pool

    def close(self) -> None:
        """End the process once its training is done."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


def _live_with_parent() -> None:
    """Leave Ctrl-C to the parent, and end when it ends, be it by kill -9."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
