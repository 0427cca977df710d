"""A baseline made ready: windows of a machine at rest and sudden noises are taken out before anything is fitted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.training.errors import MIN_WINDOWS, TrainingError
from audiosense_collector.training.probing import ProbeSet, usable
from audiosense_collector.training.quality.examine import Examined, examine
from audiosense_collector.training.running import Levels, RunningSettings, apply, learn, running_windows
from audiosense_common import features
from audiosense_common.bundle import Running
from audiosense_common.running import RunningRule

LEVEL = "rms_dbfs"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineWindows:
    """The windows to learn from, in order of time.

    Attributes:
        features: full vectors (windows, features of the schema) as stored, float16.
        schema_id: names the columns.
        from_us: start of the first window, UTC microseconds.
        to_us: end of the last window, UTC microseconds.
        times_us: start (windows,) of each window; null where they follow each other evenly.
        group: number (windows,) of the recording that each window is from; null for windows of one stream.
        vouched: whether (windows,) people say that a window is the machine's own, however odd; null for none.
    """

    features: NDArray[np.float16]
    schema_id: str
    from_us: int
    to_us: int
    times_us: NDArray[np.int64] | None = None
    group: NDArray[np.int64] | None = None
    vouched: NDArray[np.bool_] | None = None

    def times(self) -> NDArray[np.int64]:
        """Return the start (windows,) of each window, UTC microseconds."""
        if self.times_us is not None:
            return self.times_us
        count = len(self.features)
        return self.from_us + np.arange(count, dtype=np.int64) * (self.to_us - self.from_us) // max(1, count)

    def take(self, kept: NDArray[np.bool_]) -> Self:
        """Return the windows for which ``kept`` (windows,) is true."""
        group = None if self.group is None else self.group[kept]
        vouched = None if self.vouched is None else self.vouched[kept]
        return replace(self, features=self.features[kept], times_us=self.times()[kept], group=group, vouched=vouched)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A baseline of which only what is learnt from is left.

    Attributes:
        windows: of the running machine, without sudden noises.
        examined: what the look over the windows of the running machine gave.
        running_level_dbfs: below it the machine is at rest; None for never.
        running: how that level is applied.
        at_rest: how many windows were taken out because the machine did not run.
        heard_us: start of each window that was heard, learnt from or not, UTC microseconds.
    """

    windows: BaselineWindows
    examined: Examined
    running_level_dbfs: float | None
    running: Running
    at_rest: int
    heard_us: NDArray[np.int64]

    def usable(self, probes: ProbeSet | None) -> ProbeSet | None:
        """Return the probes that say something of what is learnt, None without any."""
        return usable(probes, self.heard_us, self.windows.times())


def prepare(baseline: BaselineWindows, settings: RunningSettings, *, accept_drift: bool) -> Prepared:
    """Take out what is not learnt from: first rest, by the level that is set or that the windows give, then noises.

    Raises:
        TrainingError: too few windows are left, or they are silent, clipped, or drift without that being accepted.
    """
    levels = select_features(baseline, (LEVEL,))[:, 0].astype(np.float64)
    level, running = apply(learn(levels), settings)
    runs = _running(levels, None if level is None else running.rule(level))
    windows = baseline.take(runs)
    examined = examine(windows.features, features.schema(baseline.schema_id), windows.vouched)
    examined.check(accept_drift=accept_drift)
    return Prepared(
        windows=windows.take(examined.kept),
        examined=examined,
        running_level_dbfs=level,
        running=running,
        at_rest=int(np.count_nonzero(~runs)),
        heard_us=baseline.times(),
    )


def select_features(baseline: BaselineWindows | ProbeSet, names: Sequence[str]) -> NDArray[np.float16]:
    """Return the named columns (windows, names) of a baseline, or of probes.

    Raises:
        TrainingError: an unknown schema or feature, or vectors of another width than the schema's.
    """
    schema = features.SCHEMAS.get(baseline.schema_id)
    if schema is None:
        raise TrainingError(
            f"the baseline has schema {baseline.schema_id!r}, known are {sorted(features.SCHEMAS)}; "
            "update the collector"
        )
    if baseline.features.ndim != 2 or baseline.features.shape[1] != len(schema):  # noqa: PLR2004 - (windows, features)
        raise TrainingError(
            f"the baseline has shape {baseline.features.shape}, schema {baseline.schema_id} has {len(schema)} features"
        )
    unknown = [name for name in names if name not in schema]
    if unknown or not names:
        raise TrainingError(f"schema {baseline.schema_id} has no feature {unknown[:1]}; choose from its list")
    return baseline.features[:, [schema.index(name) for name in names]]


def _running(levels: Levels, rule: RunningRule | None) -> NDArray[np.bool_]:
    kept = running_windows(levels, rule)
    count = int(kept.sum())
    if rule is not None and count < min(len(levels), MIN_WINDOWS):
        raise TrainingError(
            f"the machine ran in {count} of {len(levels)} windows of the baseline (above {rule.level_dbfs:.1f} dBFS), "
            f"at least {MIN_WINDOWS} are needed; let it run while the sensor learns, or set another running level"
        )
    return kept
