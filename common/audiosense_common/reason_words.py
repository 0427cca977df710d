"""Reasons in English, for logs and command lines; the dashboard words them in the user's language."""

from collections.abc import Sequence

from audiosense_common.features import FEATURES
from audiosense_common.wire import Reason

NONE_TOLD = "no single figure stands out, many differ a little"
_FIGURES = {
    "rms_dbfs": "level",
    "kurtosis_log": "impulsiveness (kurtosis)",
    "crest_db": "impulsiveness (crest factor)",
    "dominant_khz": "strongest tone",
    "flatness_db": "hiss (spectral flatness)",
    "snr_db": "tones above the noise",
    "centroid_khz": "brightness (spectral centroid)",
    "rolloff_khz": "brightness (85 % roll-off)",
    "bandwidth_khz": "brightness (bandwidth)",
    "zcr_khz": "brightness (zero crossings)",
    "flux_db": "roughness (spectral flux)",
}
_KHZ = 1_000.0
_TWO_DIGITS = 10.0


def put_in_words(reasons: Sequence[Reason]) -> str:
    """Return reasons as one line, such as "4-5 kHz band +11 dB; impulsiveness (kurtosis) 3.2 → 14"."""
    return "; ".join(map(_word, reasons)) or NONE_TOLD


def _word(reason: Reason) -> str:
    if reason.low_hz is not None and reason.high_hz is not None:
        place = _range(reason.low_hz, reason.high_hz)
        match reason.key:
            case "band":
                return f"{place} band {_difference(reason)}"
            case "band_relative":
                return f"{place} band {_difference(reason)} against the rest of the spectrum"
            case key:
                return f"{key.replace('_', ' ')} in {place} {_course(reason)}"
    feature = reason.feature or ""
    label = FEATURES[feature].label if feature in FEATURES else reason.key.replace("_", " ")
    words = _FIGURES.get(feature, label)
    if reason.unit == "dBFS":
        return f"{words} {_difference(reason)}"
    return f"{words} {_course(reason)}"


def _difference(reason: Reason) -> str:
    change = reason.value - reason.normal
    return f"{change:+.0f} dB" if abs(change) >= _TWO_DIGITS else f"{change:+.1f} dB"


def _course(reason: Reason) -> str:
    normal, value = reason.normal, reason.value
    if reason.unit != "Hz":
        return f"{_figure(normal)} → {_figure(value)} {reason.unit}".rstrip()
    if (normal >= _KHZ) == (value >= _KHZ):
        return f"{_frequency(normal).split()[0]} → {_frequency(value)}"
    return f"{_frequency(normal)} → {_frequency(value)}"


def _frequency(hertz: float) -> str:
    return f"{_figure(hertz / _KHZ)} kHz" if hertz >= _KHZ else f"{hertz:.0f} Hz"


def _range(low_hz: float, high_hz: float) -> str:
    if high_hz < _KHZ:
        return f"{low_hz:.0f}-{high_hz:.0f} Hz"
    low, high = f"{low_hz / _KHZ:.2g}", f"{high_hz / _KHZ:.2g}"
    return f"{low}-{high} kHz" if low != high else f"{low_hz / _KHZ:.3g}-{high_hz / _KHZ:.3g} kHz"


def _figure(value: float) -> str:
    """One digit after the point, two of a small figure, none of one of two digits before it."""
    if abs(value) >= _TWO_DIGITS:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2g}"
