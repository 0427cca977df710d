"""From a baseline's feature vectors to a signed bundle whose golden vectors were checked with ONNX Runtime."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.drift.stability import Reference, least_spreads
from audiosense_collector.signing import SigningKey
from audiosense_collector.training.detectors import Detector, Fitted, find_detector
from audiosense_collector.training.errors import TrainingError
from audiosense_collector.training.fitting import fit
from audiosense_collector.training.quality.examine import examine
from audiosense_collector.training.scorer import OnnxScorer
from audiosense_collector.training.settings import DEFAULT_DETECTOR, FitSettings
from audiosense_common import features
from audiosense_common.bundle import (
    GOLDEN,
    MODEL,
    Baseline,
    Bundle,
    Debouncing,
    FeatureNeed,
    Manifest,
    Threshold,
    dump_golden,
    file_entry,
    sign_bundle,
)
from audiosense_common.onnx_guard import check_graph

METHOD = "held_out_debounced_percentile"
INSTALL_WITHIN_US = 30 * 24 * 3_600 * 1_000_000
GOLDEN_ROWS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineWindows:
    """The windows to learn from, in order of time.

    Attributes:
        features: full vectors (windows, features of the schema) as stored, float16.
        schema_id: names the columns.
        from_us: start of the first window, UTC microseconds.
        to_us: end of the last window, UTC microseconds.
    """

    features: NDArray[np.float16]
    schema_id: str
    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorModel:
    """For whom a model is made: identity of the sensor, its next bundle version, and how it hears."""

    sensor: UUID
    version: int
    sample_rate_hz: int
    window_s: float


@dataclass(frozen=True, slots=True)
class Built:
    """A bundle, and the distribution of the windows that it was trained on, all features of the schema."""

    bundle: Bundle
    reference: Reference


def build_bundle(
    baseline: BaselineWindows,
    model: SensorModel,
    key: SigningKey,
    *,
    created_us: int,
    detector: Detector | None = None,
    settings: FitSettings | None = None,
    debouncing: Debouncing | None = None,
    running_level_dbfs: float | None = None,
    accept_drift: bool = False,
) -> Bundle:
    """Return the bundle that ``build`` gives."""
    return build(
        baseline,
        model,
        key,
        created_us=created_us,
        detector=detector,
        settings=settings,
        debouncing=debouncing,
        running_level_dbfs=running_level_dbfs,
        accept_drift=accept_drift,
    ).bundle


def build(
    baseline: BaselineWindows,
    model: SensorModel,
    key: SigningKey,
    *,
    created_us: int,
    detector: Detector | None = None,
    settings: FitSettings | None = None,
    debouncing: Debouncing | None = None,
    running_level_dbfs: float | None = None,
    accept_drift: bool = False,
) -> Built:
    """Train, export, check and sign. The same arguments give the same bytes.

    Sudden noises are left out of the baseline first. ``accept_drift`` trains on one that has not settled, or whose
    windows are not a course of time at all.

    Raises:
        TrainingError: the baseline or the settings cannot give a model; the message says why.
        BundleError: the exported graph is off the fitted detector's scores; it is not signed then.
    """
    detector = detector or find_detector(DEFAULT_DETECTOR)
    settings, debouncing = settings or FitSettings(), debouncing or Debouncing()
    windows = select_features(baseline, detector.features)
    examined = examine(baseline.features, features.SCHEMAS[baseline.schema_id])
    examined.check(accept_drift=accept_drift)
    windows, heard = windows[examined.kept], baseline.features[examined.kept]
    calibrated = fit(detector, windows.astype(np.float32), settings, debouncing)
    graph = calibrated.detector.export()
    check_graph(graph)
    golden = _golden(calibrated.detector, windows)
    manifest = Manifest(
        bundle_version=model.version,
        sensor=model.sensor,
        created_us=created_us,
        install_before_us=created_us + INSTALL_WITHIN_US,
        signing_key=key.key_id,
        detector=detector.name,
        schema_id=baseline.schema_id,
        features=[
            FeatureNeed(name=name, digest=features.definition_digest(name, model.sample_rate_hz))
            for name in detector.features
        ],
        sample_rate_hz=model.sample_rate_hz,
        window_s=model.window_s,
        threshold=Threshold(value=calibrated.threshold, method=METHOD, parameters=_parameters(settings, detector)),
        debouncing=debouncing,
        running_level_dbfs=running_level_dbfs,
        baseline=Baseline(
            from_us=baseline.from_us,
            to_us=baseline.to_us,
            windows=len(windows),
            location=calibrated.location.tolist(),
            spread=calibrated.spread.tolist(),
            left_out=examined.left_out,
            odd=examined.odd,
            modes=list(examined.modes),
        ),
        evaluation=calibrated.evaluation,
        files={MODEL: file_entry(graph), GOLDEN: file_entry(golden)},
    )
    bundle = sign_bundle(manifest, graph, golden, key.private)
    bundle.check_golden(OnnxScorer(graph))
    return Built(bundle, Reference.fit(heard, least_spreads(features.SCHEMAS[baseline.schema_id])))


def select_features(baseline: BaselineWindows, names: Sequence[str]) -> NDArray[np.float16]:
    """Return the named columns (windows, names) of a baseline.

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


def _golden(detector: Fitted, windows: NDArray[np.float16]) -> bytes:
    """Pack rows of the baseline and extremes, with the scores that the fitted detector gives them."""
    places = np.linspace(0, len(windows) - 1, min(GOLDEN_ROWS, len(windows))).astype(int)
    limit = np.finfo(np.float16)
    extremes = [windows.min(axis=0), windows.max(axis=0), np.median(windows, axis=0)]
    flat = [np.full(windows.shape[1], value) for value in (0, limit.min, limit.max, limit.smallest_subnormal)]
    rows = np.vstack([windows[places], *extremes, *flat]).astype(np.float16)
    return dump_golden(rows, detector.score(rows.astype(np.float32)).astype(np.float32))


def _parameters(settings: FitSettings, detector: Detector) -> dict[str, float]:
    return {
        "percentile": settings.percentile,
        "margin": detector.margin if settings.margin is None else settings.margin,
        "folds": float(settings.folds),
        "trees": float(settings.trees),
        "samples": float(settings.samples),
        "seed": float(settings.seed),
    }
