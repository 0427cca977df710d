"""Training in a process of its own, so that requests are answered while a forest is fitted."""

import asyncio
import contextlib
import functools
import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from uuid import UUID

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from audiosense_collector.signing import SigningKey, load_signing_key
from audiosense_collector.training.errors import TrainingError
from audiosense_collector.training.probing import OTHER_TIME, ProbeSet
from audiosense_collector.training.running import RunningSettings
from audiosense_collector.training.settings import AUTO, FitSettings
from audiosense_collector.training.steps import Tell, silent
from audiosense_common.bundle import Scorer, open_bundle
from audiosense_common.features import schema

if TYPE_CHECKING:
    from audiosense_collector.training.baseline import Prepared

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class TrainingOrder:
    """All that the training process must know; ``matrix`` is (windows, features) float16 in order of time.

    Without a ``trust_dir`` there is no signing key: the bundle is signed with one made for the occasion.
    """

    trust_dir: Path | None
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
    vouched: NDArray[np.bool_] | None = None
    left_out_by_review: int = 0
    accept_drift: bool = False
    running: RunningSettings = field(default_factory=RunningSettings)
    probes: ProbeSet | None = None
    probes_created: int = 0


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training gives.

    Attributes:
        packed: the bundle.
        public_keys: of the key that signed it, by key id.
        reference_bins: the packed distribution of the windows that it was trained on.
        report: of what it hears, as JSON takes it; null without probes.
    """

    packed: bytes
    public_keys: dict[str, str]
    reference_bins: bytes
    report: dict[str, Any] | None


def train(order: TrainingOrder, tell: Tell = silent) -> Trained:
    """Train a model; ``tell`` is told each step.

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
    key = SigningKey.of(Ed25519PrivateKey.generate()) if order.trust_dir is None else load_signing_key(order.trust_dir)
    if order.detector == AUTO:
        tell("choosing", 0.0)
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
        key,
        created_us=order.created_us,
        detector=detector,
        settings=settings,
        probes=probes,
        figures=figures | {"windows_left_out_by_review": float(order.left_out_by_review)},
        tell=tell,
    )
    report = None if built.detectability is None else built.detectability.model_dump(mode="json")
    return Trained(built.bundle.pack(), key.public_keys(), built.reference.pack(), report)


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
        vouched=order.vouched,
    )
    return prepare(baseline, order.running, accept_drift=order.accept_drift)


def check(packed: bytes, public_keys: Mapping[str, str]) -> None:
    """Examine a bundle that came from elsewhere as if it had been made here: its graph, and its golden vectors.

    Raises:
        BundleError: it is not whole, holds what no model may, or is off its golden vectors.
    """
    from audiosense_collector.training.scorer import OnnxScorer  # noqa: PLC0415 - ONNX stays out of the server's memory
    from audiosense_common.onnx_guard import check_graph  # noqa: PLC0415

    bundle = open_bundle(packed, dict(public_keys))
    check_graph(bundle.model)
    bundle.check_golden(OnnxScorer(bundle.model))


@dataclass(frozen=True, slots=True)
class Scoring:
    """A model to score with: its digest, its ONNX graph, and which columns of the matrix it takes."""

    digest: str
    model: bytes
    columns: tuple[int, ...]


_scorers: dict[str, Scorer] = {}
_MOST_SCORERS = 4


def score(models: Sequence[Scoring], matrix: NDArray[np.float16]) -> list[NDArray[np.float32]]:
    """Score (windows, features) float16 with each of some models, as agents do; returns (windows,) of each.

    Raises:
        BundleError: a graph holds what no model may, or does not fit.
    """
    from audiosense_collector.training.scorer import OnnxScorer  # noqa: PLC0415
    from audiosense_common.onnx_guard import check_graph  # noqa: PLC0415

    found = []
    for each in models:
        if each.digest not in _scorers:
            check_graph(each.model)
            while len(_scorers) >= _MOST_SCORERS:
                del _scorers[next(iter(_scorers))]
            _scorers[each.digest] = OnnxScorer(each.model)
        found.append(_scorers[each.digest](matrix[:, list(each.columns)].astype(np.float32)))
    return found


class Trainer:
    """Training processes, each started when it is first needed."""

    def __init__(self, processes: int = 1) -> None:
        self._processes = processes
        self._pool: ProcessPoolExecutor | None = None
        self._sending: Connection | None = None
        self._listeners: dict[int, tuple[asyncio.AbstractEventLoop, Tell]] = {}
        self._numbers = itertools.count()
        self._busy = 0

    async def run(self, order: TrainingOrder, tell: Tell = silent) -> Trained:
        """Train in a process; ``tell`` is called here, in the event loop.

        Raises:
            OSError: the process could not be started or was killed; the next training gets a new one.
            TrainingError: as ``train`` raises it.
        """
        number = next(self._numbers)
        self._listeners[number] = (asyncio.get_running_loop(), tell)
        try:
            return await self.do(_train_telling, number, order)
        finally:
            del self._listeners[number]

    async def assess(self, order: TrainingOrder, threshold: float) -> dict[str, Any]:
        """Report on a model's probes in a process; raises as ``run`` does."""
        return await self.do(assess, order, threshold)

    async def check(self, packed: bytes, public_keys: Mapping[str, str]) -> None:
        """Examine a bundle in a process; raises as ``check`` and ``run`` do."""
        await self.do(check, packed, public_keys)

    async def score(self, models: Sequence[Scoring], matrix: NDArray[np.float16]) -> list[NDArray[np.float32]]:
        """Score windows in a process; raises as ``score`` and ``run`` do."""
        return await self.do(score, models, matrix)

    async def do(self, work: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """Do other work in a process; raises as it and ``run`` do. Both it and what it takes and gives are pickled."""
        self._busy += 1
        try:
            call = functools.partial(work, *arguments, **named)
            return await asyncio.get_running_loop().run_in_executor(self.pool(), call)
        except BrokenProcessPool:
            self.close()
            raise OSError("the training process was killed, most likely for lack of memory") from None
        except (OSError, asyncio.CancelledError):
            # A job is cancelled only when the whole worker stops: nobody waits for any result then.
            self.close()
            raise
        finally:
            self._busy -= 1

    def pool(self) -> ProcessPoolExecutor:
        """Return the executor of the processes, made on first use."""
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            receiving, self._sending = context.Pipe(duplex=False)
            self._pool = ProcessPoolExecutor(
                self._processes, mp_context=context, initializer=_live_with_parent, initargs=(self._sending,)
            )
            threading.Thread(target=self._hear, args=(receiving,), daemon=True, name="training steps").start()
        return self._pool

    def _hear(self, receiving: Connection) -> None:
        """Hand on what the processes tell, until all of them and this one have closed the pipe."""
        with receiving, contextlib.suppress(EOFError, OSError, RuntimeError):
            while True:
                number, step, share = receiving.recv()
                loop, tell = self._listeners.get(number, (None, silent))
                if loop is not None:
                    loop.call_soon_threadsafe(tell, step, share)

    def close(self) -> None:
        """End the processes; a training that nobody waits for any more is cut short."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        if self._busy:
            for process in list((pool._processes or {}).values()):  # noqa: SLF001 - public only from Python 3.14 on
                process.terminate()
        pool.shutdown(cancel_futures=True)
        if self._sending is not None:
            self._sending.close()


_to_parent: Connection | None = None


def _train_telling(number: int, order: TrainingOrder) -> Trained:
    def tell(step: str, share: float) -> None:
        # Shorter than PIPE_BUF, so that what several processes write at once is not mixed.
        if _to_parent is not None:
            _to_parent.send((number, step, share))

    return train(order, tell)


def _live_with_parent(to_parent: Connection) -> None:
    """Leave Ctrl-C to the parent, and end when it ends, be it by kill -9."""
    global _to_parent  # noqa: PLW0603 - a process's one pipe
    _to_parent = to_parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
