"""Why an evaluation is not done; apart from it, so that naming the error does not load scikit-learn."""

from audiosense_common.errors import AudioSenseError


class EvaluationError(AudioSenseError):
    """Recordings or options with which nothing can be evaluated."""
