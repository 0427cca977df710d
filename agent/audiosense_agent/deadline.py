"""Breaks off what ONNX Runtime computes for too long."""

import threading
import time
from typing import Any, Self

_LOOK_EVERY_S = 0.1
_IDLE_S = 30.0


class Deadline:
    """Breaks off what ONNX Runtime computes with ``options`` once ``seconds`` have passed since it was entered.

    It can be entered again and again until it has passed. It costs two microseconds a time, far less than a timer.
    """

    def __init__(self, seconds: float) -> None:
        import onnxruntime as ort  # noqa: PLC0415 - an agent without a model does without its memory

        self.seconds = seconds
        self.has_passed = False
        self.due = 0.0
        self.options: Any = ort.RunOptions()
        self.options.log_severity_level = 4

    def __enter__(self) -> Self:
        self.due = time.monotonic() + self.seconds
        _BREAKER.watch(self)
        return self

    def __exit__(self, *_: object) -> None:
        _BREAKER.leave(self)

    def end(self) -> None:
        """Break off."""
        self.has_passed = True
        self.options.terminate = True


class _Breaker:
    """One thread for all deadlines; it looks at them ten times a second, and ends when there was none for a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: set[Deadline] = set()
        self._is_alive = False
        self._used = 0.0

    def watch(self, deadline: Deadline) -> None:
        with self._lock:
            self._watched.add(deadline)
            self._used = deadline.due
            if not self._is_alive:
                self._is_alive = True
                threading.Thread(target=self._run, name="deadlines", daemon=True).start()

    def leave(self, deadline: Deadline) -> None:
        with self._lock:
            self._watched.discard(deadline)

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY_S)
            now = time.monotonic()
            with self._lock:
                for deadline in self._watched:
                    if now >= deadline.due:
                        deadline.end()
                if not self._watched and now > self._used + _IDLE_S:
                    self._is_alive = False
                    return


_BREAKER = _Breaker()
