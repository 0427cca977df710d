"""Event revisions as the JSON that the spool keeps."""

import json
import zlib
from dataclasses import asdict
from uuid import UUID

from audiosense_agent.events import EventRevision
from audiosense_common.wire import EventState, Reason

BOOT = "boot"
"""Key of what marks an event whose time is not known yet: the boot whose steady clock told it."""


def dump_event(event: EventRevision, boot: int | None = None) -> str:
    """Return an event revision as JSON; ``boot`` marks one whose time is not known yet."""
    told = [reason.model_dump(exclude_none=True) for reason in event.reasons]
    mark = {} if boot is None else {BOOT: boot}
    fields = asdict(event) | {"id": str(event.id), "reasons": told} | mark
    return json.dumps(fields, separators=(",", ":"))


def event_crc(content: str) -> int:
    """CRC-32 that is kept beside an event's JSON: a digit may flip and leave it valid."""
    return zlib.crc32(content.encode("utf-8", "replace"))


def load_whole_event(content: str, crc: int | None) -> EventRevision:
    """Read an event revision back if it is as it was written; the release before kept no checksum.

    Raises:
        ValueError, TypeError, KeyError: damaged.
    """
    if crc is not None and event_crc(content) != crc:
        raise ValueError("the event fails its checksum")
    return load_event(content)


def load_boot(content: str) -> int | None:
    """Return the boot that an event waits for; None: it waits for none.

    Raises:
        ValueError, TypeError: damaged.
    """
    boot = json.loads(content).get(BOOT)
    return None if boot is None else int(boot)


def load_event(content: str) -> EventRevision:
    """Read an event revision back.

    Raises:
        ValueError, TypeError, KeyError: damaged.
    """
    fields = json.loads(content)
    reasons = tuple(map(Reason.model_validate, fields.get("reasons", ())))
    fields.pop(BOOT, None)
    read = {"id": UUID(fields["id"]), "state": EventState(fields["state"]), "reasons": reasons}
    return EventRevision(**fields | read)
