"""The kinds of machine: what turns in each, and how loud its parts are."""

from dataclasses import dataclass

from audiosense_common.errors import AudioSenseError


class SynthError(AudioSenseError):
    """A machine or fault was asked for that cannot be simulated."""


@dataclass(frozen=True, slots=True)
class Bearing:
    """A rolling bearing: number of balls, ball over pitch diameter, contact angle in radians."""

    balls: int = 9
    diameter_ratio: float = 0.28
    contact_angle: float = 0.0


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """A kind of machine.

    Attributes:
        shaft_hz: nominal speed.
        orders: tones that follow the shaft: (multiple of shaft speed, amplitude), amplitude re the flow noise's RMS.
        hum: tones of the mains: (frequency in Hz, amplitude).
        corner_hz: the flow noise is flat up to here and falls by ``slope_db`` per octave above.
        slope_db: see ``corner_hz``.
        hump_hz: centre of a broad hump of the flow noise, of ``hump_db``.
        hump_db: see ``hump_hz``.
        bearing: of the shaft.
    """

    shaft_hz: float
    orders: tuple[tuple[float, float], ...]
    hum: tuple[tuple[float, float], ...]
    corner_hz: float
    slope_db: float
    hump_hz: float
    hump_db: float
    bearing: Bearing = Bearing()


def _harmonics(order: float, amplitudes: tuple[float, ...]) -> tuple[tuple[float, float], ...]:
    return tuple((order * (k + 1), amplitude) for k, amplitude in enumerate(amplitudes))


def _mesh(teeth: int, other_shaft: float, amplitudes: tuple[float, ...]) -> tuple[tuple[float, float], ...]:
    """Tones of a gear mesh with sidebands one turn of either shaft away (Randall 1982)."""
    tones = []
    for order, amplitude in _harmonics(teeth, amplitudes):
        tones += [(order, amplitude), (order - 1, 0.35 * amplitude), (order + 1, 0.3 * amplitude)]
        tones += [(order - other_shaft, 0.25 * amplitude), (order + other_shaft, 0.2 * amplitude)]
    return tuple(tones)


_BEARING_TONES = ((3.24, 0.02), (5.76, 0.02))
"""Outer and inner race pass of a healthy bearing: 9 balls, d/D 0.28."""

_SPECS = {
    "pump": MachineSpec(
        shaft_hz=24.7,
        orders=(
            *_harmonics(1, (0.20, 0.10, 0.06, 0.04)),
            *_harmonics(6, (0.50, 0.25, 0.12, 0.06)),
            *_BEARING_TONES,
        ),
        hum=((100.0, 0.10), (200.0, 0.03)),
        corner_hz=700.0,
        slope_db=5.0,
        hump_hz=1_800.0,
        hump_db=5.0,
    ),
    "fan": MachineSpec(
        shaft_hz=16.2,
        orders=(*_harmonics(1, (0.25, 0.10, 0.05)), *_harmonics(9, (0.45, 0.22, 0.12, 0.06, 0.03)), *_BEARING_TONES),
        hum=((100.0, 0.06),),
        corner_hz=350.0,
        slope_db=6.0,
        hump_hz=900.0,
        hump_db=3.0,
    ),
    "gearbox": MachineSpec(
        shaft_hz=24.9,
        orders=(
            *_harmonics(1, (0.20, 0.12, 0.06)),
            *_harmonics(23 / 57, (0.12, 0.06)),
            *_mesh(23, 23 / 57, (0.60, 0.35, 0.20)),
            *_BEARING_TONES,
        ),
        hum=((100.0, 0.05),),
        corner_hz=1_000.0,
        slope_db=4.5,
        hump_hz=2_600.0,
        hump_db=6.0,
    ),
    "motor": MachineSpec(
        shaft_hz=49.3,
        orders=(*_harmonics(1, (0.25, 0.12, 0.05)), (28.0, 0.20), (26.0, 0.08), (30.0, 0.08), *_BEARING_TONES),
        hum=((100.0, 0.45), (200.0, 0.15), (300.0, 0.08)),
        corner_hz=500.0,
        slope_db=5.5,
        hump_hz=1_200.0,
        hump_db=4.0,
    ),
}
MACHINE_KINDS: tuple[str, ...] = tuple(_SPECS)


def machine_spec(kind: str) -> MachineSpec:
    """Return a kind of machine.

    Raises:
        SynthError: there is no such kind.
    """
    if kind not in _SPECS:
        raise SynthError(f"machine kind {kind!r} is unknown, expected one of {', '.join(MACHINE_KINDS)}")
    return _SPECS[kind]
