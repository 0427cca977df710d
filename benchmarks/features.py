"""Feature vectors per second on one core at 48 kHz, against librosa for the same descriptors in the same run.

librosa is used as its users do: one short-time spectrum, given to every descriptor by ``S=``, each descriptor averaged
over the frames. A second comparison gives librosa AudioSense's own short cut, descriptors of the mean spectrum alone.
"""

import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import librosa
import numpy as np
import scipy.signal
import scipy.stats
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # has neither stubs nor py.typed

from audiosense_common.definitions import SPREAD_JOINS, modulation_name, third_octave_name
from audiosense_common.descriptors import BAND_EDGES_HZ
from audiosense_common.features import FeatureExtractor, column
from audiosense_common.harmonicity import PITCH_HZ
from audiosense_common.low_band import share_of_bins
from audiosense_common.modulation import CARRIERS_HZ, SWINGS_HZ
from audiosense_common.spectrum import MEL_BANDS, MEL_TOP_HZ, Framing
from audiosense_common.synth import SyntheticMachine
from audiosense_common.third_octaves import NOMINAL_HZ, edges_hz
from audiosense_common.weighting import VELOCITY_BAND_HZ, a_weighting_db

SAMPLE_RATE_HZ = 48_000
WINDOW_S = 5.0
REPETITIONS = 60
WINDOWS = 4
LOW_BAND_HZ = 1_000.0
LOW_BAND_FACTOR, LOW_BAND_SEGMENT = 16, 4_096
SHORT_FRAME, SHORT_HOP = 64, 32
ESTIMATED_DB = {"dominant": 0.5, "level_a": 0.1, "velocity": 1.0, "third": 0.1, "harmonicity": 1.0, "modulation": 6.0}
"""Largest difference by the beginning of a name where librosa, SciPy and NumPy estimate in another way: a parabola
through amplitude, A-weights without a crossover, bins at a band's edge that count wholly or not at all, filters that
lie elsewhere in their octave."""

Samples = NDArray[np.float32]


class LibrosaDescriptors:
    """The descriptors of the feature vector by librosa; what it lacks (SNR, bands, kurtosis) by NumPy and SciPy.

    The mel filterbank and the frequencies are made once. Everything is float32 where librosa allows it.
    """

    def __init__(self, sample_rate_hz: int, *, of_mean_spectrum: bool) -> None:
        self._rate = sample_rate_hz
        self._of_mean_spectrum = of_mean_spectrum
        self._framing = Framing.at(sample_rate_hz)
        self._frequencies = self._framing.frequencies_hz
        self._scale = np.sqrt(2.0) / librosa.filters.get_window("hann", self._framing.n_fft).sum()
        self._thirds = {hz: edges_hz(hz) for hz in NOMINAL_HZ if edges_hz(hz)[1] <= sample_rate_hz / 2}
        self._mel = self._framing.bin_hz * librosa.filters.mel(
            sr=sample_rate_hz, n_fft=self._framing.n_fft, n_mels=MEL_BANDS, fmax=min(sample_rate_hz / 2, MEL_TOP_HZ)
        )

    def describe(self, samples: Samples) -> dict[str, float]:
        """Return descriptors by the names of the features."""
        centred = samples - samples.mean()
        n_fft, hop = self._framing.n_fft, self._framing.hop
        stft = librosa.stft(centred, n_fft=n_fft, hop_length=hop, center=False) * np.float32(self._scale)
        power = np.abs(stft) ** 2
        mean = power.mean(axis=1, keepdims=True)
        mean[[0, -1]] /= 2.0
        mel = librosa.power_to_db(self._mel @ power, amin=1e-12, top_db=None)
        loudest = mel.max(axis=1)
        spread = mel.std(axis=1).reshape(-1, SPREAD_JOINS).mean(axis=1)
        return {
            **self._spectral(mean if self._of_mean_spectrum else power),
            **self._levels(samples, centred),
            **self._lines(mean[:, 0]),
            **self._fine(centred, mean[:, 0]),
            **self._modulation(centred),
            "flux_db": float(librosa.onset.onset_strength(S=mel, sr=self._rate, center=False)[1:].mean()),
            "zcr_khz": float(librosa.zero_crossings(centred, threshold=0, pad=False).sum())
            * self._rate
            / len(centred)
            / 1000,
            "mel_max_level_db": float(loudest.mean()),
            **{f"mel_max_shape_{k:02d}": float(value) for k, value in enumerate(loudest - loudest.mean())},
            **{f"mel_spread_{k:02d}": float(value) for k, value in enumerate(spread)},
        }

    def _spectral(self, power: NDArray[np.float32]) -> dict[str, float]:
        feature = librosa.feature
        centroid = feature.spectral_centroid(S=power, sr=self._rate, freq=self._frequencies)
        bandwidth = feature.spectral_bandwidth(S=power, sr=self._rate, freq=self._frequencies, centroid=centroid)
        rolloff = feature.spectral_rolloff(S=power, sr=self._rate, freq=self._frequencies, roll_percent=0.85)
        flatness = feature.spectral_flatness(S=power, power=1, amin=1e-12)
        return {
            "centroid_khz": float(centroid.mean()) / 1000,
            "bandwidth_khz": float(bandwidth.mean()) / 1000,
            "rolloff_khz": float(rolloff.mean()) / 1000,
            "flatness_db": 10 * float(np.log10(flatness.mean())),
        }

    def _levels(self, samples: Samples, centred: Samples) -> dict[str, float]:
        length = len(centred)
        rms = float(librosa.feature.rms(y=centred, frame_length=length, hop_length=length, center=False)[0, 0])
        return {
            "rms_dbfs": 20 * float(np.log10(rms)),
            "peak_dbfs": 20 * float(np.log10(np.abs(samples).max())),
            "crest_db": 20 * float(np.log10(np.abs(centred).max() / rms)),
            "kurtosis_log": float(np.log(scipy.stats.kurtosis(centred, fisher=False))),
        }

    def _lines(self, mean: NDArray[np.float32]) -> dict[str, float]:
        noise = float(np.median(mean[1:])) * (len(mean) - 1)
        pitches, magnitudes = librosa.piptrack(
            S=np.sqrt(mean[:, np.newaxis]), sr=self._rate, fmin=0, fmax=self._rate / 2
        )
        peak = int(magnitudes[:, 0].argmax())
        values = {
            "snr_db": 10 * float(np.log10((mean[1:].sum() - noise) / noise)),
            "dominant_khz": float(pitches[peak, 0]) / 1000,
            "dominant_dbfs": 20 * float(np.log10(magnitudes[peak, 0])),
        }
        for low, high in pairwise(BAND_EDGES_HZ):
            inside = (self._frequencies >= low) & (self._frequencies < high)
            values[f"band_{low}_{high}_db"] = 10 * float(np.log10(mean[inside].sum() / 1.5))
        return values

    def _fine(self, centred: Samples, mean: NDArray[np.float32]) -> dict[str, float]:
        thinned = scipy.signal.resample_poly(centred, 1, LOW_BAND_FACTOR)
        rate_hz = self._rate / LOW_BAND_FACTOR
        frequencies, power = scipy.signal.welch(
            thinned, rate_hz, nperseg=LOW_BAND_SEGMENT, detrend=False, scaling="spectrum"
        )
        low, high = frequencies < LOW_BAND_HZ, self._frequencies >= LOW_BAND_HZ
        low[0] = False
        weighted = power[low] @ 10 ** (a_weighting_db(frequencies[low]) / 10)
        weighted += mean[high] @ 10 ** (a_weighting_db(self._frequencies[high]) / 10)
        inside = (frequencies >= VELOCITY_BAND_HZ[0]) & (frequencies <= VELOCITY_BAND_HZ[1])
        velocity = power[inside] @ (1000 / (2 * np.pi * frequencies[inside])) ** 2
        return {
            "level_a_dbfs": 10 * float(np.log10(weighted / 1.5)),
            "velocity_db": 10 * float(np.log10(velocity / 1.5)),
            **self._third_octaves(frequencies, power, mean),
            "harmonicity_db": _harmonicity(np.where(inside, power, 0.0), rate_hz),
        }

    def _third_octaves(
        self, frequencies: NDArray[np.float64], power: NDArray[np.float32], mean: NDArray[np.float32]
    ) -> dict[str, float]:
        values = {}
        for nominal, edges in self._thirds.items():
            places, bins = (frequencies, power) if edges[1] <= LOW_BAND_HZ else (self._frequencies, mean)
            shares = share_of_bins(places, places[1], *edges)
            values[third_octave_name(nominal)] = 10 * float(np.log10(bins @ shares / 1.5))
        return values

    def _modulation(self, centred: Samples) -> dict[str, float]:
        short = librosa.stft(centred, n_fft=SHORT_FRAME, hop_length=SHORT_HOP, center=False)
        power = np.abs(short) ** 2
        frequencies = np.fft.rfftfreq(SHORT_FRAME, 1 / self._rate)
        values = {}
        for carrier in CARRIERS_HZ:
            envelope = power[(frequencies >= carrier[0] + 400) & (frequencies < carrier[1])].sum(axis=0)
            rates, spectrum = scipy.signal.periodogram(
                envelope / envelope.mean(), self._rate / SHORT_HOP, "hann", nfft=1 << (len(envelope) - 1).bit_length()
            )
            for swing in pairwise(SWINGS_HZ):
                swings = spectrum[(rates >= swing[0]) & (rates < swing[1])]
                values[modulation_name(carrier, swing)] = 10 * float(np.log10(swings.max() / swings.mean()))
        return values


def _harmonicity(power: NDArray[np.float32], rate_hz: float) -> float:
    """Boersma's ratio, from the power of each bin."""
    length = 2 * LOW_BAND_SEGMENT
    correlation = np.fft.irfft(power, length)
    lags = np.arange(length) / length
    taper = (1 - lags) * (2 + np.cos(2 * np.pi * lags)) / 3 + np.sin(2 * np.pi * lags) / (2 * np.pi)
    low, high = (int(2 * rate_hz / hz) for hz in (PITCH_HZ[1], PITCH_HZ[0]))
    largest = float((correlation / taper)[low : high + 1].max() / correlation[0])
    return 10 * float(np.log10(largest / (1 - largest)))


def main() -> None:
    """Measure all in turn, check that they agree, print the figures."""
    machine = SyntheticMachine("pump", SAMPLE_RATE_HZ, seed=1)
    windows = [machine.render(int(WINDOW_S * SAMPLE_RATE_HZ)) for _ in range(WINDOWS)]
    extractor = FeatureExtractor(SAMPLE_RATE_HZ)
    framewise = LibrosaDescriptors(SAMPLE_RATE_HZ, of_mean_spectrum=False)
    shortened = LibrosaDescriptors(SAMPLE_RATE_HZ, of_mean_spectrum=True)
    runs: list[Callable[[Samples], object]] = [extractor.extract, framewise.describe, shortened.describe]
    with threadpool_limits(1):
        difference = max(_difference(extractor, shortened, window) for window in windows)
        framewise.describe(windows[0])
        ours_s, theirs_s, shortened_s = _median_seconds(runs, windows)
    print(
        f"{len(extractor.names)} features of {WINDOW_S:g} s at {SAMPLE_RATE_HZ} Hz, half-overlapping frames, one thread"
    )
    print("median CPU time of a window, repetitions interleaved:")
    for name, seconds in (
        ("audiosense", ours_s),
        ("librosa, descriptors of each frame, averaged", theirs_s),
        ("librosa, descriptors of the mean spectrum", shortened_s),
    ):
        print(
            f"  {name:46} {1000 * seconds:7.2f} ms {1 / seconds:8.1f} windows/s {WINDOW_S / seconds:8.0f} x real time"
        )
    print(f"largest difference from librosa on the same mean spectrum: {difference:.1e} relative")
    figures = {
        "windows_per_s": round(1 / ours_s, 1),
        "realtime_factor": round(WINDOW_S / ours_s, 1),
        "librosa_realtime_factor": round(WINDOW_S / theirs_s, 1),
        "librosa_ratio": round(theirs_s / ours_s, 2),
        "librosa_mean_spectrum_ratio": round(shortened_s / ours_s, 2),
        "max_relative_difference": float(f"{difference:.1e}"),
    }
    print(json.dumps(figures))


def _median_seconds(runs: list[Callable[[Samples], object]], windows: list[Samples]) -> list[float]:
    times: list[list[float]] = [[] for _ in runs]
    for repetition in range(REPETITIONS):
        window = windows[repetition % len(windows)]
        for run, taken in zip(runs, times, strict=True):
            taken.append(_seconds(partial(run, window)))
    return [statistics.median(taken) for taken in times]


def _seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def _difference(extractor: FeatureExtractor, oracle: LibrosaDescriptors, window: Samples) -> float:
    """Largest relative difference of what both compute alike.

    Raises:
        AssertionError: what is estimated in another way is off by more than ``ESTIMATED_DB``.
    """
    vector = extractor.describe(window)
    largest = 0.0
    for name, expected in oracle.describe(window).items():
        difference = abs(float(vector[column(extractor.schema_id, name)]) - expected)
        allowed = next((most for start, most in ESTIMATED_DB.items() if name.startswith(start)), None)
        if allowed is None:
            largest = max(largest, difference / max(abs(expected), 1.0))
        else:
            assert difference <= allowed, f"{name} is off by {difference:.2f} from {expected:.2f}"
    return largest


if __name__ == "__main__":
    main()
