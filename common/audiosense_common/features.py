"""The feature vector: its schemas and the extractor that computes it on agent and collector alike."""

import hashlib
import json
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audiosense_common import definitions, descriptors
from audiosense_common.additions import Additions
from audiosense_common.definitions import LEVEL_UNITS, SPREAD_JOINS, Feature
from audiosense_common.descriptors import FLOOR_DB, FLOOR_POWER, Waveform, WaveformAnalyzer
from audiosense_common.errors import AudioError, AudioSenseError
from audiosense_common.spectrum import MEL_BANDS, MEL_TOP_HZ, Framing, SpectrumAnalyzer
from audiosense_common.third_octaves import NOMINAL_HZ

SCHEMA_ID = "audiosense-2"
"""What this release's agents compute."""
FIRST_SCHEMA_ID = "audiosense-1"
"""What agents of the release before compute."""
MIN_SAMPLE_RATE_HZ = 1_000
MAX_SAMPLE_RATE_HZ = 768_000
LOUDEST_UNSCALED = 16.0
"""Beyond this amplitude (full scale is 1) samples are scaled first, so that no finite float32 overflows."""


class FeatureError(AudioSenseError):
    """A schema, feature or sample rate is not one that this release computes."""


FEATURES: dict[str, Feature] = {feature.name: feature for feature in definitions.SECOND}
SCHEMAS: dict[str, tuple[str, ...]] = {
    FIRST_SCHEMA_ID: tuple(feature.name for feature in definitions.FIRST),
    SCHEMA_ID: tuple(FEATURES),
}
"""Ordered features by schema id. A schema never changes; a longer list gets a new id and begins with the one before."""
THIRD_OCTAVE_FEATURES: tuple[str, ...] = tuple(map(definitions.third_octave_name, NOMINAL_HZ))
MODULATION_FEATURES: tuple[str, ...] = tuple(name for name in FEATURES if name.startswith("modulation_"))
SHAPE_FEATURES: tuple[str, ...] = tuple(name for name in FEATURES if name.startswith("mel_max_shape_"))
SPREAD_FEATURES: tuple[str, ...] = tuple(name for name in FEATURES if name.startswith("mel_spread_"))


def schema(schema_id: str) -> tuple[str, ...]:
    """Return the ordered feature names of a schema.

    Raises:
        FeatureError: this release does not know the schema.
    """
    try:
        return SCHEMAS[schema_id]
    except KeyError:
        raise FeatureError(f"feature schema {schema_id!r} is unknown, known are {sorted(SCHEMAS)}; upgrade") from None


@lru_cache(maxsize=4_096)
def column(schema_id: str, name: str) -> int:
    """Return the position of a feature in a schema's vector.

    Raises:
        FeatureError: unknown schema, or the schema lacks the feature.
    """
    names = schema(schema_id)
    if name not in names:
        raise FeatureError(f"feature {name!r} is not in schema {schema_id!r}, which holds {len(names)} others")
    return names.index(name)


@lru_cache(maxsize=4_096)
def definition_digest(name: str, sample_rate_hz: int) -> str:
    """Return the SHA-256 (hexadecimal) of all that fixes a feature's value at a sample rate.

    Raises:
        FeatureError: unknown feature, or sample rate out of range.
    """
    if name not in FEATURES:
        raise FeatureError(f"feature {name!r} is unknown to this release; upgrade, or train a model without it")
    framing = _framing(sample_rate_hz)
    definition = {
        "name": name,
        "unit": FEATURES[name].unit,
        "formula": FEATURES[name].formula,
        "sample_rate_hz": sample_rate_hz,
        "n_fft": framing.n_fft,
        "hop": framing.hop,
        "window": "hann",
        "floor_db": FLOOR_DB,
        "mel_bands": MEL_BANDS,
        "mel_top_hz": min(MEL_TOP_HZ, sample_rate_hz / 2),
    }
    canonical = json.dumps(definition, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def level_dbfs(vector: NDArray[np.floating], schema_id: str = SCHEMA_ID) -> float:
    """RMS level in dBFS of a feature vector."""
    return float(vector[column(schema_id, "rms_dbfs")])


def dominant_hz(vector: NDArray[np.floating], schema_id: str = SCHEMA_ID) -> float:
    """Dominant frequency in Hz of a feature vector."""
    return 1000.0 * float(vector[column(schema_id, "dominant_khz")])


def flatness_ratio(vector: NDArray[np.floating], schema_id: str = SCHEMA_ID) -> float:
    """Spectral flatness as a ratio in (0, 1] of a feature vector."""
    return float(10.0 ** (float(vector[column(schema_id, "flatness_db")]) / 10.0))


class FeatureExtractor:
    """Computes feature vectors at one sample rate.

    It keeps its buffers from one window to the next and therefore serves one thread; make one for each.
    """

    def __init__(self, sample_rate_hz: int, schema_id: str = SCHEMA_ID) -> None:
        """Prepare buffers and filters.

        Raises:
            FeatureError: unknown schema, or sample rate out of range.
        """
        self.schema_id = schema_id
        self.names = schema(schema_id)
        self.sample_rate_hz = sample_rate_hz
        self._spectrum = SpectrumAnalyzer(_framing(sample_rate_hz))
        self._additions = None if schema_id == FIRST_SCHEMA_ID else Additions(self._spectrum.framing)
        self._frequencies_hz = self._spectrum.framing.frequencies_hz
        self._centred = np.zeros(0, np.float32)
        self._waveform_analyzer = WaveformAnalyzer()

    def extract(self, samples: ArrayLike) -> NDArray[np.float16]:
        """Return the vector as it is scored, sent and stored: float16, shape (features,). See ``describe``."""
        return self.describe(samples).astype(np.float16)

    def describe(self, samples: ArrayLike) -> NDArray[np.float64]:
        """Return the unrounded vector of a window.

        Args:
            samples: shape (n,), full scale is 1.0, n at least 1.

        Returns:
            Shape (features,), in the schema's order, every value finite.

        Raises:
            AudioError: the window is empty, not of one channel, or holds NaN or infinity.
        """
        window = np.asarray(samples, dtype=np.float32)
        peak = _peak(window)
        scale = 1.0 if peak <= LOUDEST_UNSCALED else peak
        waveform = self._waveform(window, peak, scale)
        power, mel = self._spectrum.analyze(self._centred)
        log_mel = np.log10(np.maximum(mel, np.float32(FLOOR_POWER)), dtype=np.float32)
        log_mel *= np.float32(10.0)
        np.maximum(log_mel, np.float32(FLOOR_DB), out=log_mel)
        scalars = np.array(self._scalars(waveform, power, log_mel, len(window)))
        parts = [scalars, _shape(log_mel), _spread(log_mel)]
        if self._additions is not None:
            parts.append(self._additions.measure(self._centred[: len(window)], power))
        vector: NDArray[np.float64] = np.concatenate(parts)
        if scale != 1.0:
            self._add_gain(vector, 20.0 * np.log10(scale))
        return vector

    def _waveform(self, window: NDArray[np.float32], peak: float, scale: float) -> Waveform:
        length = len(window)
        padded = max(length, self._spectrum.framing.n_fft)
        if len(self._centred) != padded:
            self._centred = np.empty(padded, np.float32)
        centred = self._centred[:length]
        if scale != 1.0:
            window = np.divide(window, np.float32(scale), out=centred)
        waveform = self._waveform_analyzer.analyze(window, peak / scale, centred)
        self._centred[length:] = 0.0
        if waveform.silent:
            centred[:] = 0.0
        return waveform

    def _scalars(
        self, waveform: Waveform, power: NDArray[np.float64], log_mel: NDArray[np.float32], length: int
    ) -> list[float]:
        frequencies = self._frequencies_hz
        centroid, bandwidth = descriptors.centroid_bandwidth(power, frequencies)
        dominant_frequency, dominant_power = descriptors.dominant(power, self._spectrum.framing.bin_hz)
        return [
            descriptors.decibels(waveform.mean_square),
            descriptors.decibels(waveform.peak**2),
            waveform.crest_db,
            descriptors.signal_to_noise_db(power),
            descriptors.decibels(descriptors.flatness(power)),
            centroid / 1000.0,
            bandwidth / 1000.0,
            descriptors.rolloff(power, frequencies) / 1000.0,
            descriptors.flux_db(log_mel),
            waveform.zero_crossings * self.sample_rate_hz / length / 1000.0,
            float(np.log(waveform.kurtosis)),
            dominant_frequency / 1000.0,
            descriptors.decibels(dominant_power),
            *descriptors.band_levels_db(power, self._spectrum.framing.bin_hz),
        ]

    def _add_gain(self, vector: NDArray[np.float64], gain_db: float) -> None:
        for name in self.names:
            place = column(self.schema_id, name)
            if FEATURES[name].unit in LEVEL_UNITS and vector[place] > FLOOR_DB:
                vector[place] += gain_db


def _framing(sample_rate_hz: int) -> Framing:
    if not MIN_SAMPLE_RATE_HZ <= sample_rate_hz <= MAX_SAMPLE_RATE_HZ:
        raise FeatureError(
            f"sample rate is {sample_rate_hz} Hz, features are defined from {MIN_SAMPLE_RATE_HZ} to "
            f"{MAX_SAMPLE_RATE_HZ} Hz; set another one"
        )
    return Framing.at(sample_rate_hz)


def _peak(window: NDArray[np.float32]) -> float:
    if window.ndim != 1 or not len(window):
        raise AudioError(f"a window has shape {window.shape}, expected one channel of at least one sample")
    peak = max(float(window.max()), -float(window.min()))
    if not np.isfinite(peak):
        bad = int(np.count_nonzero(~np.isfinite(window)))
        raise AudioError(f"{bad} of {len(window)} samples are NaN or infinite; check the source of the sound")
    return peak


def _shape(log_mel: NDArray[np.float32]) -> NDArray[np.float64]:
    loudest = log_mel.max(axis=0).astype(np.float64)
    level = loudest.mean()
    return np.concatenate(((level,), loudest - level))


def _spread(log_mel: NDArray[np.float32]) -> NDArray[np.float64]:
    spread = log_mel.std(axis=0).astype(np.float64).reshape(-1, SPREAD_JOINS)
    return np.asarray(spread.mean(axis=1))
