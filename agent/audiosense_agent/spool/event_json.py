"""Event revisions as the JSON that the spool keeps."""

import json
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
