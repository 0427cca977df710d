"""What each feature is: name, unit, formula and source."""

from dataclasses import dataclass
from itertools import pairwise

from audiosense_common.descriptors import BAND_EDGES_HZ
from audiosense_common.modulation import CARRIERS_HZ, SWINGS_HZ
from audiosense_common.spectrum import MEL_BANDS
from audiosense_common.third_octaves import NOMINAL_HZ

SPREAD_JOINS = 4
"""Neighbouring mel bands whose spreads over time are averaged: sixteen tell rattle from hum as well as 64 would."""
VELOCITY_UNIT = "dBFS·ms"
"""Velocity is acceleration times time: 0 dB is that of full scale for a millisecond, so where full scale is A m/s² a
value of x is A · 10^(x / 20) mm/s."""
LEVEL_UNITS = frozenset({"dBFS", VELOCITY_UNIT})
"""Units of what rises by a decibel when the sensor's gain does."""


@dataclass(frozen=True, slots=True)
class Feature:
    """What a feature is.

    Attributes:
        name: its key in schemas, manifests and interfaces.
        label: what a chart's legend says.
        unit: of its value; empty for a plain number.
        group: ``level``, ``spectrum``, ``time``, ``band``, ``mel``, ``third`` or ``modulation``.
        formula: how it is computed, with its source. Part of the definition digest.
    """

    name: str
    label: str
    unit: str
    group: str
    formula: str


_WELCH = "of the mean power spectrum (Welch 1967, Hann, half-overlapping frames)"
_SCALARS = (
    Feature(
        "rms_dbfs",
        "RMS level",
        "dBFS",
        "level",
        "20·log10 of the RMS without DC, re amplitude 1.0: a full-scale sine reads -3.01 (AES17 adds 3.01 dB)",
    ),
    Feature("peak_dbfs", "Peak level", "dBFS", "level", "20·log10 of the largest absolute sample, DC included"),
    Feature("crest_db", "Crest factor", "dB", "time", "20·log10 of peak over RMS, both without DC; 0 for silence"),
    Feature(
        "snr_db",
        "Signal-to-noise ratio",
        "dB",
        "spectrum",
        "10·log10((P - N) / N), P total power, N median bin times bins, " + _WELCH + ", within -20 and 120",
    ),
    Feature(
        "flatness_db", "Spectral flatness", "dB", "spectrum", "10·log10 of geometric over arithmetic mean bin " + _WELCH
    ),
    Feature("centroid_khz", "Spectral centroid", "kHz", "spectrum", "power-weighted mean frequency " + _WELCH),
    Feature(
        "bandwidth_khz", "Spectral bandwidth", "kHz", "spectrum", "power-weighted deviation from the centroid " + _WELCH
    ),
    Feature("rolloff_khz", "85 % roll-off", "kHz", "spectrum", "first bin with 85 % of the power " + _WELCH),
    Feature("flux_db", "Spectral flux", "dB", "time", "mean positive difference of log-mel level from frame to frame"),
    Feature(
        "zcr_khz", "Zero-crossing rate", "kHz", "time", "changes of sign per second without DC, / 1000; 0 for silence"
    ),
    Feature("kurtosis_log", "Kurtosis (log)", "", "time", "ln(m4 / m2²) without DC; ln 3 for silence"),
    Feature(
        "dominant_khz",
        "Dominant frequency",
        "kHz",
        "spectrum",
        "largest bin above DC, parabola through log power (Smith 2011), " + _WELCH,
    ),
    Feature(
        "dominant_dbfs",
        "Dominant level",
        "dBFS",
        "spectrum",
        "power of that parabola at its top; a sine reads its RMS to 0.3 dB",
    ),
)


def _bands() -> tuple[Feature, ...]:
    return tuple(
        Feature(
            f"band_{low}_{high}_db",
            f"Level {low} to {high} Hz",
            "dBFS",
            "band",
            f"10·log10 of the power of bins in [{low}, {high}) Hz over Hann's noise bandwidth, Nyquist's left out, "
            + _WELCH,
        )
        for low, high in pairwise(BAND_EDGES_HZ)
    )


def _mel() -> tuple[Feature, ...]:
    maximum = "maximum over frames of 10·log10 mel power, Slaney mel, 64 bands of unit area from 0 to 12 kHz or Nyquist"
    level = Feature("mel_max_level_db", "Mel maximum, level", "dBFS", "mel", "mean over bands of the " + maximum)
    shape = (
        Feature(f"mel_max_shape_{band:02d}", f"Mel maximum, band {band}", "dB", "mel", maximum + ", minus its level")
        for band in range(MEL_BANDS)
    )
    spread = (
        Feature(
            f"mel_spread_{band:02d}",
            f"Mel spread, band {band}",
            "dB",
            "mel",
            f"mean over {SPREAD_JOINS} neighbouring bands of the standard deviation over frames of 10·log10 mel power",
        )
        for band in range(MEL_BANDS // SPREAD_JOINS)
    )
    return (level, *shape, *spread)


_FINE = "of the fine power spectrum (Welch 1967, Hann, 1 to 3 s) below 1 kHz"
_WEIGHTED = (
    Feature(
        "level_a_dbfs",
        "A-weighted level",
        "dBFS",
        "level",
        "10·log10 of the power, weighted by A(f) (IEC 61672-1:2013, 5.5.8), " + _FINE + ", above it " + _WELCH,
    ),
    Feature(
        "velocity_db",
        "RMS velocity 10 to 1000 Hz",
        VELOCITY_UNIT,
        "level",
        "20·log10 of the RMS over 10 to 1000 Hz of the signal's integral in ms: bins over (2πf)², f the centre of what "
        "of the bin lies in the band, " + _FINE + "; the quantity of ISO 20816-1 where the signal is acceleration",
    ),
)

_HARMONICITY = Feature(
    "harmonicity_db",
    "Harmonics-to-noise ratio",
    "dB",
    "spectrum",
    "10·log10(r / (1 - r)), r the largest autocorrelation at lags of 5 to 100 ms over that of the Hann window "
    "(Boersma 1993), from bins of 10 Hz and more " + _FINE + ", within -40 and 40",
)


def third_octave_name(nominal_hz: float) -> str:
    """Return a band's feature name: ``third_31_5_db`` for 31.5 Hz."""
    return f"third_{nominal_hz:g}_db".replace(".", "_")


def modulation_name(carrier_hz: tuple[int, int], swing_hz: tuple[int, int]) -> str:
    """Return the feature name of a carrier's swings: ``modulation_2000_4000_by_20_50_db``."""
    return f"modulation_{carrier_hz[0]}_{carrier_hz[1]}_by_{swing_hz[0]}_{swing_hz[1]}_db"


def _third_octaves() -> tuple[Feature, ...]:
    return tuple(
        Feature(
            third_octave_name(nominal),
            f"Third octave {nominal:g} Hz",
            "dBFS",
            "third",
            f"10·log10 of the power in the third-octave band of nominally {nominal:g} Hz (IEC 61260-1:2014, base ten), "
            "each bin by its part in the band, " + _FINE + ", for bands that reach above it " + _WELCH,
        )
        for nominal in NOMINAL_HZ
    )


def _modulation() -> tuple[Feature, ...]:
    return tuple(
        Feature(
            modulation_name(carrier, swing),
            f"Regular pulse, {swing[0]} to {swing[1]} Hz, in {carrier[0]} to {carrier[1]} Hz",
            "dB",
            "modulation",
            f"10·log10 of the largest over the mean bin from {swing[0]} to {swing[1]} Hz in the spectrum of the "
            f"squared envelope (Randall and Antoni 2011) of {carrier[0]} to {carrier[1]} Hz",
        )
        for carrier in CARRIERS_HZ
        for swing in pairwise(SWINGS_HZ)
    )


FIRST: tuple[Feature, ...] = (*_SCALARS, *_bands(), *_mel())
SECOND: tuple[Feature, ...] = (*FIRST, *_WEIGHTED, *_third_octaves(), _HARMONICITY, *_modulation())
