"""Errors of the agent; each message is one line for the user."""

from audiosense_common.errors import AudioSenseError


class AgentError(AudioSenseError):
    """Root of what the agent raises on purpose."""


class ConfigError(AgentError):
    """The configuration file or a variable is wrong."""


class SourceError(AgentError):
    """A source of sound cannot be opened or stopped giving sound; opening it again may help."""


class SpoolError(AgentError):
    """The spool cannot be opened or written."""


class UnstorableError(SpoolError):
    """The spool was given a value that it cannot store; the disk is not at fault."""


class EnrolmentError(AgentError):
    """The agent could not be enrolled, or is not."""


class DamagedIdentityError(EnrolmentError):
    """What the agent knows of its collector cannot be understood: it must be enrolled again."""


class LinkError(AgentError):
    """The collector cannot be reached or gave an answer that is none of AudioSense's."""
