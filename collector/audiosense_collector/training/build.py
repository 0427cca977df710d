"""From a baseline's feature vectors to a signed bundle whose golden vectors were checked with ONNX Runtime."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.detectability.schemas import Detectability
from audiosense_collector.drift.stability import Reference, least_spreads
from audiosense_collector.signing import SigningKey
from audiosense_collector.training.baseline import BaselineWindows, Prepared, prepare, select_features
from audiosense_collector.training.detectability import detectability
from audiosense_collector.training.detectors import Detector, Fitted, find_detector
from audiosense_collector.training.fitting import Calibrated, Probed, fit
from audiosense_collector.training.probing import ProbeSet, place_probes
from audiosense_collector.training.reference import make_reference
from audiosense_collector.training.running import RunningSettings
from audiosense_collector.training.scorer import OnnxScorer
from audiosense_collector.training.settings import DEFAULT_DETECTOR, FitSettings
from audiosense_collector.training.steps import Tell, silent
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

INSTALL_WITHIN_US = 30 * 24 * 3_600 * 1_000_000
GOLDEN_ROWS = 32
MIN_GAP_S = 30.0
"""Events closer than this are told as one: nobody walks to a machine twice for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorModel:
    """For whom a model is made: identity of the sensor, its next bundle version, and how it hears."""

    sensor: UUID
    version: int
    sample_rate_hz: int
    window_s: float


@dataclass(frozen=True, slots=True)
class Built:
    """What a training gives.

    Attributes:
        bundle: the signed model.
        reference: distribution of the windows that it was trained on, all features of the schema.
        detectability: what it would hear of the probes; null without probes.
    """

    bundle: Bundle
    reference: Reference
    detectability: Detectability | None


def build_bundle(
    baseline: BaselineWindows,
    model: SensorModel,
    key: SigningKey,
    *,
    created_us: int,
    detector: Detector | None = None,
    settings: FitSettings | None = None,
    debouncing: Debouncing | None = None,
    running: RunningSettings | None = None,
    period_s: float | None = None,
    accept_drift: bool = False,
) -> Bundle:
    """Prepare a baseline and return the bundle that ``build`` makes of it, without probes.

    Windows of a machine at rest, by the level that ``running`` sets or the windows give, and sudden noises are left
    out. ``accept_drift`` trains on a baseline that has not settled, or whose windows are not a course of time at all.

    Raises:
        TrainingError: as ``prepare`` and ``build`` raise it.
        BundleError: as ``build`` raises it.
    """
    ready = prepare(baseline, running or RunningSettings(), accept_drift=accept_drift)
    return build(
        ready,
        model,
        key,
        created_us=created_us,
        detector=detector,
        settings=settings,
        debouncing=debouncing,
        period_s=period_s,
    ).bundle


def build(
    ready: Prepared,
    model: SensorModel,
    key: SigningKey,
    *,
    created_us: int,
    detector: Detector | None = None,
    settings: FitSettings | None = None,
    debouncing: Debouncing | None = None,
    period_s: float | None = None,
    probes: ProbeSet | None = None,
    figures: Mapping[str, float] | None = None,
    tell: Tell = silent,
) -> Built:
    """Train, export, check and sign. The same arguments give the same bytes.

    Args:
        ready: windows to learn from.
        model: for whom.
        key: signs the bundle.
        created_us: now.
        detector: null for the default.
        settings: of the fit.
        debouncing: of events; default: the manifest's own with a minimum gap of ``MIN_GAP_S``.
        period_s: from one window's start to the next; null where windows follow each other without a gap.
        probes: synthetic faults in windows of the baseline, to report what would be heard of them.
        figures: of how the detector and the windows were chosen, for the manifest.
        tell: is told each step.

    Raises:
        TrainingError: the baseline or the settings cannot give a model; the message says why.
        BundleError: the exported graph is off the fitted detector's scores; it is not signed then.
    """
    detector = (detector or find_detector(DEFAULT_DETECTOR)).within(features.SCHEMAS.get(ready.windows.schema_id, ()))
    settings, debouncing = settings or FitSettings(), debouncing or Debouncing(min_gap_s=MIN_GAP_S)
    windows = select_features(ready.windows, detector.features)
    probed = None if probes is None else select_probes(ready.windows, probes, detector.features)
    period_s = period_s or model.window_s
    calibrated = fit(detector, windows.astype(np.float32), settings, debouncing, probed, period_s=period_s, tell=tell)
    tell("exporting", 0.0)
    files = _export(calibrated.detector, windows)
    told = _for_whom(model, detector) | _learnt(ready, calibrated, settings, figures or {})
    tell("signing", 0.0)
    bundle = _sign(told | {"created_us": created_us, "debouncing": debouncing}, files, key)
    tell("probing", 0.0)
    reference = Reference.fit(ready.windows.features, least_spreads(features.SCHEMAS[ready.windows.schema_id]))
    return Built(bundle, reference, _report(probes, calibrated))


def select_probes(baseline: BaselineWindows, probes: ProbeSet, names: Sequence[str]) -> Probed:
    """Return the named columns of a baseline's probes, and their windows' places among the baseline's.

    Raises:
        TrainingError: as ``select_features`` raises it.
    """
    return Probed(select_features(probes, names).astype(np.float32), place_probes(baseline.times(), probes))


def _for_whom(model: SensorModel, detector: Detector) -> dict[str, Any]:
    """Return what the manifest tells of the sensor and of what is computed of its sound."""
    rate_hz = model.sample_rate_hz
    needs = [FeatureNeed(name=name, digest=features.definition_digest(name, rate_hz)) for name in detector.features]
    return {
        "bundle_version": model.version,
        "sensor": model.sensor,
        "sample_rate_hz": rate_hz,
        "window_s": model.window_s,
        "detector": detector.name,
        "features": needs,
    }


def _export(detector: Fitted, windows: NDArray[np.float16]) -> dict[str, bytes]:
    """Return the files of a bundle: the graph, which holds nothing that no model may, and the golden vectors."""
    graph = detector.export()
    check_graph(graph)
    return {MODEL: graph, GOLDEN: _golden(detector, windows)}


def _sign(told: dict[str, Any], files: dict[str, bytes], key: SigningKey) -> Bundle:
    """Return the bundle, whose graph gives the scores that the fitted detector gave."""
    manifest = Manifest(
        **told,
        install_before_us=told["created_us"] + INSTALL_WITHIN_US,
        signing_key=key.key_id,
        files={name: file_entry(content) for name, content in files.items()},
    )
    bundle = sign_bundle(manifest, files[MODEL], files[GOLDEN], key.private)
    bundle.check_golden(OnnxScorer(files[MODEL]))
    return bundle


def _learnt(
    ready: Prepared, calibrated: Calibrated, settings: FitSettings, figures: Mapping[str, float]
) -> dict[str, Any]:
    """Return what the manifest tells of the windows and of what was made of them."""
    return {
        "schema_id": ready.windows.schema_id,
        "threshold": _threshold(calibrated, settings),
        "running_level_dbfs": ready.running_level_dbfs,
        "running": ready.running,
        "baseline": _baseline(ready, calibrated),
        "evaluation": calibrated.evaluation | _windows(ready) | dict(figures),
    }


def _threshold(calibrated: Calibrated, settings: FitSettings) -> Threshold:
    chosen = calibrated.threshold
    return Threshold(value=chosen.value, method=chosen.method, parameters=chosen.parameters | _parameters(settings))


def _windows(ready: Prepared) -> dict[str, float]:
    return {
        "windows_at_rest": float(ready.at_rest),
        "windows_kept_by_review": 0.0 if ready.windows.vouched is None else float(ready.windows.vouched.sum()),
    }


def _baseline(ready: Prepared, calibrated: Calibrated) -> Baseline:
    windows, examined = ready.windows, ready.examined
    return Baseline(
        from_us=windows.from_us,
        to_us=windows.to_us,
        windows=len(windows.features),
        location=calibrated.location.tolist(),
        spread=calibrated.spread.tolist(),
        left_out=examined.left_out,
        odd=examined.odd,
        modes=list(examined.modes),
        reference=make_reference(windows.features, features.schema(windows.schema_id)),
    )


def _report(probes: ProbeSet | None, calibrated: Calibrated) -> Detectability | None:
    if probes is None or calibrated.probed is None:
        return None
    return detectability(probes, calibrated.probed, calibrated.held_out, calibrated.threshold.value)


def _golden(detector: Fitted, windows: NDArray[np.float16]) -> bytes:
    """Pack rows of the baseline and extremes, with the scores that the fitted detector gives them."""
    places = np.linspace(0, len(windows) - 1, min(GOLDEN_ROWS, len(windows))).astype(int)
    limit = np.finfo(np.float16)
    extremes = [windows.min(axis=0), windows.max(axis=0), np.median(windows, axis=0)]
    flat = [np.full(windows.shape[1], value) for value in (0, limit.min, limit.max, limit.smallest_subnormal)]
    rows = np.vstack([windows[places], *extremes, *flat]).astype(np.float16)
    return dump_golden(rows, detector.score(rows.astype(np.float32)).astype(np.float32))


def _parameters(settings: FitSettings) -> dict[str, float]:
    return {
        "folds": float(settings.folds),
        "trees": float(settings.trees),
        "samples": float(settings.samples),
        "seed": float(settings.seed),
    }
