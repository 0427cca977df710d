"""Listening to a source in a test."""

import threading

from audiosense_agent.sources import Context


class Listener:
    def __init__(self, resume_us=0):
        self.stop = threading.Event()
        self.warnings = []
        self.idles = 0
        self.context = Context(self.stop, self._idle, self.warnings.append, resume_us)

    def _idle(self):
        self.idles += 1

    def take(self, source, count):
        """Return ``count`` windows, fewer if the sound ends."""
        windows = []
        for window in source.windows(self.context):
            windows.append(window)
            if len(windows) == count:
                break
        return windows
