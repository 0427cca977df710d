"""A process that has imported one of the product's packages, and forks a child for each start that is asked of it.

``python -m deploy.testing.zygote SOCKET PACKAGE MODULE…`` reads requests from a socket of which it has the number. A
child leaves the loop, becomes what the request says (arguments, environment, folder, files, session), and runs the
package as ``python -m`` does, to the end of the interpreter. The zygote ends when the socket's other end is closed, by
whatever death, and its children with it.
"""

import contextlib
import gc
import importlib
import json
import os
import random
import runpy
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

LARGEST = 1 << 20
"""Bytes of a request: arguments and environment."""
FILES = 4
"""Descriptors that come with a request: the three standard files, and the socket that is told number and exit."""


def main(listening: socket.socket) -> dict[str, Any] | None:
    """Fork children until nobody can ask any more; return the request in a child, None in the zygote at its end."""
    woken, waking = socket.socketpair()
    waking.setblocking(False)
    signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    children: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([listening, woken], [], [])
        if woken in ready:
            woken.recv(LARGEST)
            _tell_ends(children, os.WNOHANG)
        if listening not in ready:
            continue
        content, files, _, _ = socket.recv_fds(listening, LARGEST, FILES)
        if not content:
            for pid in children:
                os.kill(pid, signal.SIGKILL)
            _tell_ends(children, 0)
            return None
        telling = socket.socket(fileno=files[-1])
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for each in (listening, woken, waking, telling, *children.values()):
                each.close()
            request: dict[str, Any] = json.loads(content)
            _become(request, files[:-1])
            return request
        for number in files[:-1]:
            os.close(number)
        children[pid] = telling
        telling.send(str(pid).encode())


def _tell_ends(children: dict[int, socket.socket], options: int) -> None:
    """Tell those who wait for children that have ended how they did, as ``waitpid`` says it."""
    while children:
        pid, status = os.waitpid(-1, options)
        if pid == 0:
            return
        with children.pop(pid) as telling, contextlib.suppress(OSError):
            telling.send(str(status).encode())


def _become(request: dict[str, Any], files: list[int]) -> None:
    """Turn this child into what a process is that Python has just begun to run."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if request["session"]:
        os.setsid()
    for place, number in enumerate(files):
        os.dup2(number, place)
        os.close(number)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    sys.path[0] = str(Path.cwd())
    random.seed()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()


if __name__ == "__main__":
    _, _number, _package, *_modules = sys.argv
    for _module in _modules:
        importlib.import_module(_module)
    if (_tasks := len(list(Path("/proc/self/task").iterdir()))) != 1:
        sys.exit(f"error: importing {' '.join(_modules)} has begun {_tasks - 1} threads, which no child would have")
    # What is shared with the children stays shared: their collector of garbage does not visit it.
    gc.collect()
    gc.freeze()
    _request = main(socket.socket(fileno=int(_number)))
    if _request is not None:
        sys.argv = [_package, *_request["arguments"]]
        runpy.run_module(_package, run_name="__main__", alter_sys=True)
