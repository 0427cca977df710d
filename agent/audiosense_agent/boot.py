"""Which start of the computer this is: what was noted within one of them tells nothing about another."""

import functools
import logging
from pathlib import Path
from uuid import uuid4

log = logging.getLogger(__name__)
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def read_boot_id() -> str | None:
    """Return the kernel's id of this start; None where it has none, or it may not be read."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip() or None
    except (OSError, ValueError):
        return None


def boot_or_run() -> str:
    """Return the id of this start of the computer, else one that this process makes once: each run is its own start."""
    return read_boot_id() or _run()


@functools.cache
def _run() -> str:
    log.warning(
        "this start of the computer cannot be told from others, for %s cannot be read (a container or a unit with "
        "ProcSubset=pid?); each start of the agent counts as one: times heard before the clock is right do not outlive "
        "a restart, and a model that the agent dies in is not found out",
        BOOT_ID,
    )
    return str(uuid4())
