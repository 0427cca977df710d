"""The report's charts as inline SVG; colours come from the page's style."""

from collections.abc import Sequence
from html import escape

import numpy as np

from audiosense_collector.evaluation.figures import Scores, mean_roc
from audiosense_collector.evaluation.protocol import Trial

WIDTH, HEIGHT = 340, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 14, 40
BINS = 24
CURVES = 4
"""Styles of curves; a machine with more channels uses them again."""


def draw_roc(trials: Sequence[Trial]) -> str:
    """Draw the mean ROC curve of each of a machine's trials into one chart."""
    curves = []
    for number, trial in enumerate(trials):
        false, true = mean_roc(trial)
        points = " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in zip(false, true, strict=True))
        curves.append(f'<polyline class="curve {curve_class(number, trial)}" points="{points}"/>')
    chance = f'<line class="chance" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>'
    ticks = [(share, f"{share:.0%}") for share in (0, 0.25, 0.5, 0.75, 1)]
    # The combined curve is the widest; below the others it hides none of them.
    curves.reverse()
    axes = _axes(ticks, ticks, "normal clips taken for abnormal", "abnormal clips heard")
    return _svg(f"ROC curves of {trials[0].machine}", axes + chance + "".join(curves))


def draw_histogram(trial: Trial) -> str:
    """Draw how a trial's window scores are spread, normal and abnormal, with the mean threshold."""
    kinds = [np.concatenate([clip.windows for clip in trial.clips if clip.abnormal is kind]) for kind in (False, True)]
    limits = [clip.threshold for clip in trial.clips]
    threshold = float(np.mean([clip.threshold for clip in trial.clips if clip.abnormal]))
    low = min(float(kinds[0].min()), float(kinds[1].min()), *limits) - 0.01
    high = max(float(kinds[0].max()), float(kinds[1].max()), *limits) + 0.01
    edges = np.linspace(low, high, BINS + 1)
    shares = [np.histogram(scores, edges)[0] / len(scores) for scores in kinds]
    # The threshold's words stand above the highest bar.
    top = 1.12 * max(float(share.max()) for share in shares)
    bars = "".join(
        _steps(name, (edges - low) / (high - low), share / top)
        for name, share in zip(("normal", "abnormal"), shares, strict=True)
    )
    place = _x((threshold - low) / (high - low))
    # The words stand on the side that has more room.
    anchor, shift = ("end", -5) if place > (LEFT + WIDTH - RIGHT) / 2 else ("start", 5)
    limit = (
        f'<line class="limit" x1="{place:.1f}" y1="{_y(0)}" x2="{place:.1f}" y2="{_y(1)}"/>'
        f'<text class="limit-text" x="{place + shift:.1f}" y="{_y(1) + 4}" text-anchor="{anchor}">'
        f"threshold {threshold:.3f}</text>"
    )
    across = [(share, f"{low + share * (high - low):.2f}") for share in (0, 0.25, 0.5, 0.75, 1)]
    up = [(share, f"{share * top:.0%}") for share in (0, 0.5, 1)]
    return _svg(f"Window scores of {trial.name}", _axes(across, up, "score", "share of windows") + bars + limit)


def curve_class(number: int, trial: Trial) -> str:
    """Return the style of a trial's curve, for the chart and its legend."""
    return "combined" if trial.channel is None else f"curve-{number % CURVES}"


def _steps(name: str, edges: Scores, heights: Scores) -> str:
    points = [(_x(edges[0]), _y(0))]
    for start, end, height in zip(edges[:-1], edges[1:], heights, strict=True):
        points += [(_x(start), _y(height)), (_x(end), _y(height))]
    points.append((_x(edges[-1]), _y(0)))
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polygon class="{name}" points="{path}"/>'


def _axes(across: Sequence[tuple[float, str]], up: Sequence[tuple[float, str]], x_label: str, y_label: str) -> str:
    lines = [f'<line class="grid" x1="{_x(0)}" y1="{_y(at):.1f}" x2="{_x(1)}" y2="{_y(at):.1f}"/>' for at, _ in up]
    lines += [f'<text x="{LEFT - 6}" y="{_y(at) + 3.5:.1f}" text-anchor="end">{escape(text)}</text>' for at, text in up]
    lines += [
        f'<text x="{_x(at):.1f}" y="{_y(0) + 15}" text-anchor="{_anchor(at)}">{escape(text)}</text>'
        for at, text in across
    ]
    middle = _y(0.5)
    return (
        "".join(lines) + f'<text class="axis" x="{_x(0.5):.1f}" y="{HEIGHT - 6}" text-anchor="middle">{x_label}</text>'
        f'<text class="axis" x="10" y="{middle}" text-anchor="middle" transform="rotate(-90 10 {middle})">'
        f"{y_label}</text>"
    )


def _anchor(at: float) -> str:
    return "start" if at == 0 else "end" if at == 1 else "middle"


def _svg(title: str, content: str) -> str:
    label = escape(title)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}"><title>{label}</title>{content}</svg>'


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
