"""Synthetic faults in a machine's normal clips, from which ``auto`` chooses a detector."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.evaluation.plan import Plan
from audiosense_collector.training.probing import ProbeSet
from audiosense_common.features import FeatureExtractor
from audiosense_common.synth.probes import PROBE_KINDS, mix

MAX_WINDOWS = 120
"""Windows of a machine that are mixed into, about: as many as an agent keeps."""
_NUMBERS = 10_000
"""Windows of a clip that get numbers of their own; more of them share the same random sounds."""


def probe_clip(
    windows: Sequence[NDArray[np.float32]], extractor: FeatureExtractor, plan: Plan, clip: int, clips: int
) -> ProbeSet:
    """Mix into some windows (n,) of a normal clip: those that overlap by half at most, so many that all clips give 120.

    ``time_us`` of the result is the window's place in the clip; see ``join_probes``.
    """
    step = math.ceil(max(plan.window_s / plan.hop_s / 2.0, len(windows) * clips / MAX_WINDOWS, 1.0))
    places = range(0, len(windows), step)
    rows = [
        (PROBE_KINDS.index(probe.kind), probe.level_db, place, extractor.extract(mixed))
        for number, place in enumerate(places)
        for probe, mixed in mix(
            windows[place], extractor.sample_rate_hz, plan.seed, clip * _NUMBERS + number % _NUMBERS
        )
    ]
    kind, level_db, place, vectors = zip(*rows, strict=True)
    return ProbeSet(
        features=np.stack(vectors),
        schema_id=extractor.schema_id,
        kinds=PROBE_KINDS,
        kind=np.array(kind, np.int64),
        level_db=np.array(level_db, np.float64),
        time_us=np.array(place, np.int64),
    )


def join_probes(probes: Sequence[ProbeSet], starts: Sequence[int], hop_us: int) -> ProbeSet:
    """Join clips' probes; the windows of clip i count from place ``starts[i]``, and their times are places by hops."""
    return ProbeSet(
        features=np.concatenate([one.features for one in probes]),
        schema_id=probes[0].schema_id,
        kinds=PROBE_KINDS,
        kind=np.concatenate([one.kind for one in probes]),
        level_db=np.concatenate([one.level_db for one in probes]),
        time_us=np.concatenate([one.time_us + start for one, start in zip(probes, starts, strict=True)]) * hop_us,
    )
