"""``POST /analyze``: a recording judged by plain limits, in the predecessor's keys and language."""

import asyncio
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO, get_args

import numpy as np

from audiosense_collector.analyses.recording import Plan, RecordingAnalysis
from audiosense_collector.analyses.service import analyse_file
from audiosense_collector.analyses.upload import upload_openapi
from audiosense_collector.developer.figures import BAND_EDGES_HZ
from audiosense_collector.developer.schemas import Diagnosis, MachineType
from audiosense_collector.errors import InvalidError
from audiosense_collector.runtime import Runtime
from audiosense_collector.settings import Settings
from audiosense_common.spectrum import Framing, SpectrumAnalyzer

MACHINE_TYPES: tuple[MachineType, ...] = get_args(MachineType)
MOTOR_HZ = (50.0, 2_000.0)
COMPRESSOR_HZ = (2_000.0, 8_000.0)
COMPRESSOR_SHARE = 0.5
"""Share of the power from 2 to 8 kHz from which a compressor's valves are taken to leak."""
_TYPE: dict[str, Any] = {"type": "string", "enum": list(MACHINE_TYPES), "default": "generic"}
ANALYZE_OPENAPI: dict[str, Any] = upload_openapi(machine_type=_TYPE)
_WARNINGS = {
    "clipped": "la señal está saturada",
    "short": "la grabación es más corta que una ventana",
    "8-bit": "la grabación tiene solo 8 bits",
    "rate": "la frecuencia de muestreo es inusual",
}


@dataclass(frozen=True, slots=True)
class Criterion:
    """How far a figure is towards its limit (1 is at it, more is beyond), and what it means to be beyond."""

    ratio: float
    message: str


def machine_type(given: str) -> MachineType:
    """Return a type of machine by its name.

    Raises:
        InvalidError: it is none; names the field.
    """
    if given not in MACHINE_TYPES:
        raise InvalidError(
            f"machine_type is {given[:40]!r}, expected one of {', '.join(MACHINE_TYPES)}", loc="machine_type"
        )
    return given


async def diagnose(runtime: Runtime, file: BinaryIO, filename: str, kind: MachineType) -> Diagnosis:
    """Analyse a recording's first channel as a whole and judge it.

    The confidence is 50 % at a limit and nears 100 % away from it: 1 - min(r, 1 / r) / 2 with r the figure over its
    limit. A silent recording says nothing of the machine: confidence 0.

    Raises:
        InvalidError: the file cannot be used.
        UnavailableError: too many recordings are analysed.
    """
    analysis = await analyse_file(runtime, file, filename, Plan())
    summary = analysis.summary()
    rms = 10 ** (summary["rms_dbfs"] / 20)
    peak = 10 ** (summary["peak_dbfs"] / 20)
    dominant_hz, flatness = 1_000 * summary["dominant_khz"], 10 ** (summary["flatness_db"] / 10)
    codes = [finding.code for finding in analysis.findings]
    share = await asyncio.to_thread(_compressor_share, analysis) if kind == "compressor" else 0.0
    criteria = _criteria(kind, dominant_hz, flatness, share, runtime.settings)
    worst = max(criteria, key=lambda criterion: criterion.ratio)
    anomalous = worst.ratio > 1 and "silent" not in codes
    return Diagnosis(
        rms_db=round(100 * rms, 4),
        dominant_freq_hz=round(dominant_hz, 1),
        confidence_percent=0.0 if "silent" in codes else round(_confidence(worst.ratio), 1),
        status="Anómalo" if anomalous else "Normal",
        mensaje=_message(worst if anomalous else None, codes),
        snr_db=round(summary["snr_db"], 2),
        flatness=round(flatness, 6),
        crest_factor=round(peak / rms, 3) if "silent" not in codes else 1.0,
        band_levels=[round(summary[f"band_{low}_{high}_db"], 2) for low, high in pairwise(BAND_EDGES_HZ)],
        filename=filename,
    )


def _criteria(
    kind: MachineType, dominant_hz: float, flatness: float, share: float, settings: Settings
) -> list[Criterion]:
    noisy = Criterion(flatness / settings.heuristic_flatness, "el espectro es demasiado plano (ruido)")
    if kind == "compressor":
        return [Criterion(share / COMPRESSOR_SHARE, "el nivel entre 2 y 8 kHz es demasiado alto")]
    if kind == "motor":
        low, high = MOTOR_HZ
        outside = max(dominant_hz / high, low / max(dominant_hz, 1.0))
        return [Criterion(outside, "la frecuencia dominante está fuera de 50 a 2000 Hz"), noisy]
    limit = settings.heuristic_dominant_hz
    return [Criterion(dominant_hz / limit, f"la frecuencia dominante supera {limit:g} Hz"), noisy]


def _confidence(ratio: float) -> float:
    return 100 * (1 - min(ratio, 1 / ratio if ratio else 0.0) / 2)


def _message(beyond: Criterion | None, codes: list[str]) -> str:
    if "silent" in codes:
        return "La grabación está en silencio: no se puede evaluar la máquina; revise el micrófono."
    verdict = f"Anomalía detectada: {beyond.message}." if beyond else "Funcionamiento normal."
    notes = [_WARNINGS[code] for code in codes if code in _WARNINGS]
    return f"{verdict} Aviso: {'; '.join(notes)}." if notes else verdict


def _compressor_share(analysis: RecordingAnalysis) -> float:
    """Share of the power of all windows that lies between 2 and 8 kHz."""
    framing = Framing.at(analysis.sample_rate_hz)
    analyzer = SpectrumAnalyzer(framing)
    total = np.zeros(framing.n_fft // 2 + 1)
    for window in analysis.windows:
        padded = np.zeros(max(len(window), framing.n_fft), np.float32)
        padded[: len(window)] = window - window.mean()
        total += analyzer.analyze(padded)[0]
    low, high = COMPRESSOR_HZ
    inside = (framing.frequencies_hz >= low) & (framing.frequencies_hz < high)
    return float(total[inside].sum() / max(float(total.sum()), 1e-30))
