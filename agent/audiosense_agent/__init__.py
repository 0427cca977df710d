"""AudioSense agent: the process beside the machines."""

__version__ = "0.1.0"
