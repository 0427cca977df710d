"""``Popen`` and ``run`` as in ``subprocess``, for ``python -m`` of the product's packages, forked by a zygote of each.

A child is a process of its own, which may be killed, stopped and looked at as any other, with the standard files,
environment and folder that it is given; only its imports are done. What is to be tested of a start itself, or runs
under another program, with limits or with descriptors passed on, is started with ``subprocess``.
"""

import inspect
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

MODULES = {
    "audiosense_agent": ("audiosense_agent.cli",),
    "audiosense_collector": ("audiosense_collector.cli", "audiosense_collector.server"),
}
"""What a package's processes import in any case."""
_LIMIT_S = 120.0
_ON_DEMAND = ("pass_fds", "preexec_fn", "shell", "executable")


class _Zygote:
    """A zygote of one package, begun when something is first started."""

    def __init__(self, package: str) -> None:
        self._asking, listening = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Requests carry the environment; the kernel's own limit for one is smaller than some are.
        self._asking.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        with listening:
            number = listening.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "deploy.testing.zygote", str(number), package, *MODULES[package]],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                pass_fds=[number],
                stdin=subprocess.DEVNULL,
            )

    def start(self, request: dict[str, Any], files: list[int]) -> tuple[int, socket.socket]:
        """Fork a child; return its number and the socket that is told its end."""
        told, telling = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with telling:
            socket.send_fds(self._asking, [json.dumps(request).encode()], [*files, telling.fileno()])
        told.settimeout(_LIMIT_S)
        return int(_received(told)), told

    def close(self) -> None:
        """End the zygote and any child that is left."""
        self._asking.close()
        self._process.wait()


_zygotes: dict[str, _Zygote] = {}
_lock = threading.Lock()


def close() -> None:
    """End all zygotes of this process."""
    while _zygotes:
        _zygotes.popitem()[1].close()


def _received(told: socket.socket) -> bytes:
    content = told.recv(64)
    if not content:
        raise ChildProcessError(
            "the zygote has ended, and its children with it; its last words are in the test's output"
        )
    return content


class Popen(subprocess.Popen):  # type: ignore[type-arg]
    """A process of one of the product's packages; takes those arguments of ``subprocess`` that a fork can honour."""

    _told: socket.socket

    def _execute_child(self, *arguments: Any, **named: Any) -> None:
        """Ask the zygote for a child instead of running a program."""
        given = inspect.signature(subprocess.Popen._execute_child).bind(self, *arguments, **named).arguments  # type: ignore[attr-defined]  # noqa: SLF001
        if asked := [name for name in _ON_DEMAND if given.get(name)]:
            raise ValueError(f"a forked process cannot have {', '.join(asked)}; use subprocess.Popen")
        command = [os.fspath(each) for each in given["args"]]
        if command[:2] != [sys.executable, "-m"] or command[2] not in MODULES:
            raise ValueError(
                f"only {' and '.join(MODULES)} are forked, by [sys.executable, '-m', …], not {command[:3]}"
            )
        environment = os.environ if given["env"] is None else given["env"]
        folder = os.fspath(given["cwd"] or os.getcwd())  # noqa: PTH109
        request = {
            "arguments": command[3:],
            "environment": {os.fspath(name): os.fspath(value) for name, value in environment.items()},
            "folder": folder,
            "session": bool(given["start_new_session"]),
        }
        if not Path(folder).is_dir():
            raise FileNotFoundError(f"no folder {folder}")
        places = ("p2cread", "c2pwrite", "errwrite")
        files = [place if given[name] == -1 else int(given[name]) for place, name in enumerate(places)]
        try:
            with _lock:
                zygote = _zygotes.get(command[2]) or _zygotes.setdefault(command[2], _Zygote(command[2]))
            self.pid, self._told = zygote.start(request, files)
            self._child_created = True
        finally:
            names = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
            self._close_pipe_fds(*(given[name] for name in names))  # type: ignore[attr-defined]

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        """Return what ``waitpid`` would: the zygote, which is the parent, tells it."""
        if wait_flags & os.WNOHANG and not select.select([self._told], [], [], 0)[0]:
            return 0, 0
        self._told.settimeout(None)
        status = int(_received(self._told))
        self._told.close()
        return self.pid, status

    def _internal_poll(self, *_arguments: Any, **_named: Any) -> int | None:
        if self.returncode is None and self._waitpid_lock.acquire(blocking=False):  # type: ignore[attr-defined]
            try:
                if self.returncode is None:
                    pid, status = self._try_wait(os.WNOHANG)
                    if pid:
                        self._handle_exitstatus(status)  # type: ignore[attr-defined]
            finally:
                self._waitpid_lock.release()  # type: ignore[attr-defined]
        return self.returncode


def run(
    args: list[str],
    *,
    capture_output: bool = False,
    timeout: float | None = None,
    check: bool = False,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """Run a command to its end, as ``subprocess.run`` does."""
    if capture_output:
        options |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Popen(args, **options) as process:
        try:
            output, errors = process.communicate(timeout=timeout)
        except BaseException:
            process.send_signal(signal.SIGKILL)
            raise
    done = subprocess.CompletedProcess(args, process.returncode, output, errors)
    if check:
        done.check_returncode()
    return done
