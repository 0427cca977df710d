"""Why a baseline gives no model; apart from the training itself, so that naming the error does not load it."""

from audiosense_common.errors import AudioSenseError

MIN_WINDOWS = 20
"""Fewer windows give each fold too few scores to say anything about the tail."""


class TrainingError(AudioSenseError):
    """A baseline from which no model can be trained."""
