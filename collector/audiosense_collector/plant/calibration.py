"""What a sample of 1.0 stands for, from what a calibrator reads or from a sensor's data sheet.

Levels in dBFS are those that the collector shows: the RMS relative to a sample of 1.0, so that a full-scale sine has
-3.01 dBFS.
"""

from audiosense_collector.machines.units import REFERENCE_PA

LEAST, MOST = 1e-9, 1e9
"""Pascal or g: from far below a microphone's noise to far beyond what any sensor takes."""


def full_scale_pa(level_db: float, reads_dbfs: float) -> float:
    """Return the full scale of a microphone that an acoustic calibrator (IEC 60942) was put on.

    Sound pressure level is 20·lg(p / 20 µPa) (ISO 1683), so the full scale is 20 µPa · 10^((L - L_read) / 20).

    Args:
        level_db: of the calibrator, dB re 20 µPa; 94 or 114 as a rule.
        reads_dbfs: the level that the sensor shows meanwhile.

    Returns:
        Pascal.
    """
    return float(REFERENCE_PA * 10.0 ** ((level_db - reads_dbfs) / 20.0))


def full_scale_g(rms_g: float, reads_dbfs: float) -> float:
    """Return the full scale of an accelerometer on a vibration calibrator (ISO 16063-44: comparison with a known one).

    The level is 20·lg(a / full scale), so the full scale is a / 10^(L_read / 20).

    Args:
        rms_g: acceleration of the calibrator, g RMS; 10 m/s² are 1.0197 g.
        reads_dbfs: the level that the sensor shows meanwhile.

    Returns:
        g.
    """
    return float(rms_g / 10.0 ** (reads_dbfs / 20.0))


def full_scale_of(sensitivity_mv: float, gain_db: float, full_scale_v: float) -> float:
    """Return the full scale of a sensor of known sensitivity behind a known amplifier and converter.

    A pressure or acceleration x gives the voltage S · x · 10^(G / 20), which is a sample of 1.0 where it is the
    converter's full scale (IEC 61094-1 and ISO 2041 define the sensitivity S as output over input).

    Args:
        sensitivity_mv: S, mV/Pa or mV/g.
        gain_db: G between sensor and converter, dB.
        full_scale_v: voltage of a sample of 1.0: the peak, not the RMS, of the largest sine.

    Returns:
        Pascal or g, as the sensitivity is of.
    """
    return float(full_scale_v / (sensitivity_mv * 1e-3 * 10.0 ** (gain_db / 20.0)))
