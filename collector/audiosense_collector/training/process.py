"""Training in a process of its own, so that requests are answered while a forest is fitted."""

import asyncio
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.signing import load_signing_key


@dataclass(frozen=True, slots=True)
class TrainingOrder:
    """All that the training process must know; ``matrix`` is (windows, features) float16 in order of time."""

    data_dir: Path
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
    percentile: float
    accept_drift: bool = False


@dataclass(frozen=True, slots=True)
class Trained:
    """The packed bundle, and the packed distribution of the windows that it was trained on."""

    packed: bytes
    reference_bins: bytes


def train(order: TrainingOrder) -> Trained:
    """Train a model.

    Raises:
        TrainingError: the windows cannot give a model.
    """
    from audiosense_collector.training.build import (  # noqa: PLC0415 - scikit-learn stays out of the server's memory
        BaselineWindows,
        SensorModel,
        build,
    )
    from audiosense_collector.training.detectors import find_detector  # noqa: PLC0415
    from audiosense_collector.training.settings import FitSettings  # noqa: PLC0415

    baseline = BaselineWindows(
        features=order.matrix, schema_id=order.schema_id, from_us=order.from_us, to_us=order.to_us
    )
    model = SensorModel(
        sensor=order.sensor,
        version=order.version,
        sample_rate_hz=order.sample_rate_hz,
        window_s=order.window_s,
    )
    built = build(
        baseline,
        model,
        load_signing_key(order.data_dir),
        created_us=order.created_us,
        detector=find_detector(order.detector),
        settings=FitSettings(trees=order.trees, percentile=order.percentile),
        accept_drift=order.accept_drift,
    )
    return Trained(built.bundle.pack(), built.reference.pack())


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
        try:
            return await asyncio.get_running_loop().run_in_executor(self.pool(), train, order)
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
