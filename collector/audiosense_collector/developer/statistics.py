"""Statistics of value and frequency over a sliding window of measurements: what the sandbox's model scores."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Column = NDArray[np.float64]

STATISTICS = ("mean", "std", "median", "iqr", "min", "max", "slope")
NAMES = (
    *(f"{column}_{statistic}" for column in ("value", "frequency") for statistic in STATISTICS),
    "correlation",
)
_CHUNK = 1 << 20
"""Most numbers of one column's windows in memory at once."""


def window_statistics(value: Column, frequency: Column, window_size: int) -> NDArray[np.float32]:
    """Describe every window of ``window_size`` neighbouring measurements.

    Args:
        value: shape (n,), in order of time.
        frequency: shape (n,).
        window_size: measurements in a window, at least 2.

    Returns:
        Shape (n - window_size + 1, 15), columns as in ``NAMES``; row i describes measurements i to i + window_size - 1.
        Standard deviation and correlation (Pearson) are of the population, quartiles are interpolated linearly, the
        slope is of least squares, per measurement. The correlation with a constant column is 0.
    """
    count = max(0, len(value) - window_size + 1)
    result = np.empty((count, len(NAMES)), np.float32)
    step = max(1, _CHUNK // window_size)
    for start in range(0, count, step):
        rows = slice(start, min(start + step, count))
        span = slice(start, rows.stop + window_size - 1)
        result[rows] = _describe(
            sliding_window_view(value[span], window_size), sliding_window_view(frequency[span], window_size)
        )
    return result


def _describe(values: Column, frequencies: Column) -> Column:
    centred = [windows - windows.mean(axis=1, keepdims=True) for windows in (values, frequencies)]
    columns = [_column(windows, c) for windows, c in zip((values, frequencies), centred, strict=True)]
    return np.column_stack((*columns, _correlation(columns, centred)))


def _column(windows: Column, centred: Column) -> Column:
    size = windows.shape[1]
    ordered = np.sort(windows, axis=1)
    moment = np.arange(size) - (size - 1) / 2
    return np.column_stack(
        (
            windows.mean(axis=1),
            np.sqrt(np.einsum("ij,ij->i", centred, centred) / size),
            _quantile(ordered, 0.5),
            _quantile(ordered, 0.75) - _quantile(ordered, 0.25),
            ordered[:, 0],
            ordered[:, -1],
            centred @ moment / (moment @ moment),
        )
    )


def _quantile(ordered: Column, share: float) -> Column:
    position = share * (ordered.shape[1] - 1)
    low = int(position)
    high = min(low + 1, ordered.shape[1] - 1)
    below: Column = ordered[:, low]
    quantile: Column = below + (position - low) * (ordered[:, high] - below)
    return quantile


def _correlation(columns: list[Column], centred: list[Column]) -> Column:
    std, low, high = (STATISTICS.index(name) for name in ("std", "min", "max"))
    constant = np.logical_or(*(column[:, low] == column[:, high] for column in columns))
    spread = np.where(constant, 1.0, columns[0][:, std] * columns[1][:, std])
    covariance = np.einsum("ij,ij->i", *centred) / centred[0].shape[1]
    spread = np.where(spread > 0, spread, 1.0)
    return np.where(constant, 0.0, np.clip(covariance / spread, -1.0, 1.0))
