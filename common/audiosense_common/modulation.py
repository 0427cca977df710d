"""Modulation spectrum: how regularly the loudness of a few high bands pulses, by the rate of the pulse."""

import numpy as np
from numpy.typing import NDArray

from audiosense_common.descriptors import FLOOR_POWER
from audiosense_common.spectrum import hann, real_spectra, unit_power_hann

ENVELOPE_RATE_HZ = 1_500.0
"""About how often a second the power of each carrier is taken: swings up to half of it would show."""
CARRIERS_HZ: dict[tuple[int, int], tuple[int, ...]] = {
    (1_000, 2_000): (1_500,),
    (2_000, 4_000): (2_500, 3_500),
    (4_000, 8_000): (4_700, 6_000, 7_300),
}
"""Octaves whose loudness is followed, and the centres of the filters, each 1.1 kHz wide, whose powers add up to it."""
SWINGS_HZ = (2, 5, 10, 20, 50, 100, 200, 400)
"""Edges of the bands of swings in Hz: below 20 a limping or rubbing rotor, above it gears and bearings."""
BLOCK_FRAMES = 340
JOINED_FRAMES = 5_000
"""Frames filtered and summed at once: each matrix product stays below the size from which OpenBLAS starts threads."""
LEAST_SWING = 1e-8
"""Power of swings in a bin, relative to the squared mean, that counts as none."""
_LEAST_FRAMES = 16
_HALF_WIDTH_HZ = 550


class ModulationAnalyzer:
    """Follows the power of each octave of ``CARRIERS_HZ``; keeps its buffers, so one instance serves one thread only.

    A complex filter is a Hann window times a turning pointer (short-time Fourier transform at one frequency); its
    squared magnitude is the squared envelope (Randall and Antoni 2011, 4.4: what shows a bearing's impacts is the
    spectrum of the squared envelope of the band that they excite). Hop and half the window are the same.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._hop = max(1, round(sample_rate_hz / ENVELOPE_RATE_HZ))
        self.rate_hz = sample_rate_hz / self._hop
        taper = hann(2 * self._hop) / self._hop
        seconds = np.arange(2 * self._hop) / sample_rate_hz
        filters, owners = [], []
        for carrier, centres in enumerate(CARRIERS_HZ.values()):
            for centre in centres:
                if centre + _HALF_WIDTH_HZ <= sample_rate_hz / 2:
                    phase = 2.0 * np.pi * centre * seconds
                    filters += [taper * np.cos(phase), taper * np.sin(phase)]
                    owners += [carrier, carrier]
        matrix = np.array(filters, np.float32).reshape(len(filters), 2 * self._hop)
        self._halves = np.vstack((matrix[:, : self._hop], matrix[:, self._hop :]))
        self._joined = (np.arange(len(CARRIERS_HZ))[:, np.newaxis] == np.array(owners)).astype(np.float32)
        self._products = np.empty((2 * len(owners), 0), np.float32)
        self._filtered = np.empty((len(owners), 0), np.float32)

    def measure(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return how far the strongest line stands above its band, in dB, shape (carriers, bands of swings).

        It is the largest over the mean bin of the squared envelope's spectrum: about 10 for noise that swings at
        random, and more where it pulses at a steady rate. 0 where a carrier is silent, without any swing, or reaches
        beyond half the sample rate.

        Args:
            samples: shape (n,), without their mean.
        """
        envelopes = self._follow(samples)
        frames = envelopes.shape[1]
        means = envelopes.mean(axis=1, keepdims=True)
        audible = means > FLOOR_POWER
        envelopes /= np.where(audible, means, np.float32(1.0))
        envelopes -= audible
        length = 1 << int(np.ceil(np.log2(frames)))
        envelopes *= unit_power_hann(frames) * np.float32(length)
        parts = real_spectra(envelopes, length).view(np.float32)
        np.multiply(parts, parts, out=parts)
        power = parts[:, ::2] + parts[:, 1::2]
        edges = np.minimum(np.ceil(np.array(SWINGS_HZ) * (length / self.rate_hz)).astype(int), length // 2)
        counts = np.maximum(np.diff(edges), 1)
        means = np.add.reduceat(power, edges, axis=1, dtype=np.float64)[:, :-1] / counts
        largest = np.maximum.reduceat(power, edges, axis=1)[:, :-1].astype(np.float64)
        none = LEAST_SWING * length / 2.0
        return np.asarray(10.0 * np.log10((largest + none) / (means + none)))

    def _follow(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the power of each carrier, shape (carriers, frames)."""
        hop, width = self._hop, self._joined.shape[1]
        if len(samples) < (_LEAST_FRAMES + 1) * hop:
            samples = np.concatenate((samples, np.zeros((_LEAST_FRAMES + 1) * hop - len(samples), np.float32)))
        blocks = samples[: len(samples) // hop * hop].reshape(-1, hop)
        if self._products.shape[1] != len(blocks):
            self._products = np.empty((2 * width, len(blocks)), np.float32)
            self._filtered = np.empty((width, len(blocks) - 1), np.float32)
        for start in range(0, len(blocks), BLOCK_FRAMES):
            block = slice(start, start + BLOCK_FRAMES)
            np.matmul(self._halves, blocks[block].T, out=self._products[:, block])
        filtered = np.add(self._products[:width, :-1], self._products[width:, 1:], out=self._filtered)
        np.multiply(filtered, filtered, out=filtered)
        envelopes = np.empty((len(CARRIERS_HZ), filtered.shape[1]), np.float32)
        for start in range(0, filtered.shape[1], JOINED_FRAMES):
            block = slice(start, start + JOINED_FRAMES)
            np.matmul(self._joined, filtered[:, block], out=envelopes[:, block])
        return envelopes
