"""What drift is called, and whether it came slowly, as wear and seasons do, or at once, as faults do."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.drift.schemas import DayDrift, Degree, GroupDrift, MovedMost, Verdict
from audiosense_collector.drift.stability import Reference, places_of_groups
from audiosense_common.features import FEATURES

SLIGHT_FROM = 0.10
MARKED_FROM = 0.25
"""The customary limits of the index (Siddiqi 2006, Credit Risk Scorecards); both are raised where chance alone is
larger, so that a short baseline does not cry drift."""
FEWEST_DAYS = 3
SUDDEN_SHARE = 0.6
"""Of the whole change; if so much of it lies between one day and the next, it came at once."""


def degree_of(psi: float, chance: float) -> Degree:
    """Call an index by its customary word."""
    slight = max(SLIGHT_FROM, chance)
    if psi < slight:
        return "stable"
    return "slight" if psi < slight * MARKED_FROM / SLIGHT_FROM else "marked"


def describe_groups(
    reference: Reference, names: Sequence[str], windows: NDArray[np.floating], apart: float
) -> list[GroupDrift]:
    """Describe each group of features by what windows (windows, features named ``names``) are to a baseline."""
    psi, shift = reference.compare(windows), reference.shift(windows)
    chance = reference.chance(len(windows), apart)
    found = []
    for group, places in places_of_groups(names, reference.usable).items():
        most = int(places[np.argmax(np.abs(shift[places]))])
        of_group, by_chance = float(psi[places].mean()), float(chance[places].mean())
        feature = FEATURES[names[most]]
        found.append(
            GroupDrift(
                group=group,
                psi=of_group,
                chance=by_chance,
                degree=degree_of(of_group, by_chance),
                shift=float(shift[places].mean()),
                moved_most=MovedMost(
                    feature=feature.name,
                    label=feature.label,
                    unit=feature.unit,
                    change=float(shift[most] * reference.spread[most]),
                    shift=float(shift[most]),
                ),
            )
        )
    return found


def describe_day(
    reference: Reference, names: Sequence[str], windows: NDArray[np.floating], start_us: int
) -> tuple[DayDrift, dict[str, float]]:
    """Describe one day, and by how many robust deviations each group's features have moved, whichever way."""
    psi, shift = reference.compare(windows), np.abs(reference.shift(windows))
    groups = places_of_groups(names, reference.usable)
    day = DayDrift(
        start_us=start_us,
        windows=len(windows),
        psi={group: float(psi[places].mean()) for group, places in groups.items()},
    )
    return day, {group: float(shift[places].mean()) for group, places in groups.items()}


def judge(groups: Sequence[GroupDrift], moved: Sequence[dict[str, float]]) -> tuple[Degree, Verdict, int | None]:
    """Return the largest degree, the verdict, and the number of the day on which a sudden change came.

    Args:
        groups: of the last hours.
        moved: of each day since the baseline, how far each group had moved; the day before the first counts as not
            moved at all.
    """
    worst = max(groups, key=lambda group: group.psi / max(SLIGHT_FROM, group.chance))
    if worst.degree == "stable":
        return "stable", "steady", None
    if len(moved) < FEWEST_DAYS:
        return worst.degree, "unclear", None
    course = np.array([0.0] + [day.get(worst.group, 0.0) for day in moved])
    steps = np.diff(course)
    largest = int(np.argmax(steps))
    is_sudden = steps[largest] >= SUDDEN_SHARE * max(course[-1], 1e-9)
    return worst.degree, "sudden" if is_sudden else "slow", largest if is_sudden else None
