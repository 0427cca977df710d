"""One process at a time on a state directory."""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import IO

from audiosense_agent.errors import AgentError


def lock_path(state_dir: Path) -> Path:
    """The file that is locked."""
    return state_dir / "agent.lock"


def lock_state_dir(state_dir: Path) -> IO[str]:
    """Make sure that this is the only agent on its state directory, until the file is closed.

    Raises:
        AgentError: another one runs, or the directory cannot be written.
    """
    path = lock_path(state_dir)
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = path.open("a+", encoding="ascii")
    except OSError as error:
        raise AgentError(
            f"the state directory {state_dir} cannot be written: {error.strerror}; set state_dir or its owner"
        ) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise AgentError(f"an agent already runs on {state_dir}; stop it, or set another state_dir") from None
    with contextlib.suppress(OSError):
        # For people only; unbuffered, so that what a full disk did not take is not tried again at closing.
        os.ftruncate(file.fileno(), 0)
        os.write(file.fileno(), f"{os.getpid()}\n".encode())
    return file
