"""The root of every error that AudioSense raises on purpose."""


class AudioSenseError(Exception):
    """An error whose message is meant for the user.

    The message names the thing, what was found, what was expected and what to do, in one line.
    Commands print it without a traceback; the collector turns it into a problem document.
    """


class AudioError(AudioSenseError):
    """A recording or a device gave something that cannot be used as sound; ``kind`` is a stable word for why."""

    kind = "audio_unreadable"

    def __init__(self, message: str, *, kind: str | None = None) -> None:
        super().__init__(message)
        if kind is not None:
            self.kind = kind


class ChannelError(AudioError):
    """A recording has no channel of the number that was asked for."""

    kind = "audio_channel"


class BundleError(AudioSenseError):
    """A bundle is damaged, unsigned, stale or does not fit; ``reason`` is a stable word for reports."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class EnrolmentKeyError(AudioSenseError):
    """An enrolment key is malformed."""
