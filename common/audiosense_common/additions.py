"""What schema audiosense-2 adds to the first: all that needs finer frequencies or finer time than a frame has."""

import numpy as np
from numpy.typing import NDArray

from audiosense_common.harmonicity import HarmonicityAnalyzer
from audiosense_common.low_band import LowBandAnalyzer
from audiosense_common.modulation import ModulationAnalyzer
from audiosense_common.spectrum import Framing
from audiosense_common.third_octaves import ThirdOctaves
from audiosense_common.weighting import WeightedLevels


class Additions:
    """Measures the features after the first schema's, in their order, at one sample rate."""

    def __init__(self, framing: Framing) -> None:
        self._low_band = LowBandAnalyzer(framing.sample_rate_hz)
        self._weighted = WeightedLevels(framing, self._low_band)
        self._thirds = ThirdOctaves(framing, self._low_band)
        self._harmonicity = HarmonicityAnalyzer(self._low_band)
        self._modulation = ModulationAnalyzer(framing.sample_rate_hz)

    def measure(self, centred: NDArray[np.float32], power: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the features, shape (features,).

        Args:
            centred: samples without their mean, shape (n,).
            power: their mean power spectrum, of ``SpectrumAnalyzer``.
        """
        low_power = self._low_band.analyze(centred)
        return np.concatenate(
            (
                self._weighted.measure(low_power, power),
                self._thirds.measure(low_power, power),
                (self._harmonicity.measure(low_power),),
                self._modulation.measure(centred).ravel(),
            )
        )
