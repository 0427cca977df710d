"""Levels in the units of what a sensor measures; the one place where full scale becomes pascal, g and mm/s."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.machines.tables import Sensor
from audiosense_common.wire import Quantity

REFERENCE_PA = 20e-6
"""0 dB of sound pressure in air (ISO 1683)."""
STANDARD_GRAVITY = 9.80665
"""Metres per second squared in 1 g (ISO 80000-3), so 1 g for 1 ms is a velocity of 9.80665 mm/s."""
Unit = Literal["dBFS", "dB SPL", "g"]
Reals = NDArray[np.float64]
LEVEL_A, VELOCITY = "level_a_dbfs", "velocity_db"


@dataclass(frozen=True, slots=True)
class Scale:
    """What a sensor measures; ``full_scale`` is what a sample of 1.0 stands for, in pascal or g, None if not known."""

    quantity: Quantity
    full_scale: float | None

    @property
    def unit(self) -> Unit:
        """The unit of ``level``."""
        if self.full_scale is None:
            return "dBFS"
        return "dB SPL" if self.quantity is Quantity.SOUND_PRESSURE else "g"

    @property
    def second(self) -> str | None:
        """The feature that ``level_a`` or ``velocity`` is made of; None without a calibration."""
        if self.full_scale is None:
            return None
        return LEVEL_A if self.quantity is Quantity.SOUND_PRESSURE else VELOCITY

    def level(self, dbfs: float) -> float:
        """Return an RMS level (dB re a sample of 1.0) as dBFS, dB re 20 µPa, or g RMS."""
        if self.full_scale is None:
            return dbfs
        if self.quantity is Quantity.SOUND_PRESSURE:
            return dbfs + self._spl_at_0_dbfs(self.full_scale)
        return self.full_scale * _ratio(dbfs)

    def levels(self, dbfs: Reals) -> Reals:
        """Return RMS levels as ``level`` does."""
        if self.full_scale is None:
            return dbfs
        if self.quantity is Quantity.SOUND_PRESSURE:
            return dbfs + self._spl_at_0_dbfs(self.full_scale)
        return np.asarray(self.full_scale * 10.0 ** (dbfs / 20.0))

    def seconds(self, decibels: Reals) -> Reals:
        """Return what the feature ``second`` stands for: dB(A) as ``level_a``, or mm/s as ``velocity`` does."""
        assert self.full_scale is not None
        if self.quantity is Quantity.SOUND_PRESSURE:
            return decibels + self._spl_at_0_dbfs(self.full_scale)
        return np.asarray(self.full_scale * STANDARD_GRAVITY * 10.0 ** (decibels / 20.0))

    def level_a(self, dbfs: float | None) -> float | None:
        """Return an A-weighted level in dB re 20 µPa, dB(A); None where it cannot be said."""
        if dbfs is None or self.full_scale is None or self.quantity is not Quantity.SOUND_PRESSURE:
            return None
        return dbfs + self._spl_at_0_dbfs(self.full_scale)

    def velocity(self, decibels: float | None) -> float | None:
        """Return the RMS velocity in mm/s of one in dB re full scale times 1 ms; None where it cannot be said."""
        if decibels is None or self.full_scale is None or self.quantity is not Quantity.ACCELERATION:
            return None
        return self.full_scale * STANDARD_GRAVITY * _ratio(decibels)

    @staticmethod
    def _spl_at_0_dbfs(full_scale_pa: float) -> float:
        return 20.0 * math.log10(full_scale_pa / REFERENCE_PA)


def scale_of(sensor: Sensor) -> Scale:
    """Return what a sensor measures."""
    return Scale(Quantity(sensor.quantity), sensor.full_scale)


def _ratio(decibels: float) -> float:
    return float(10.0 ** (decibels / 20.0))
