"""What an agent says of itself beside its credential, and how it is given a new one."""

from typing import Annotated

from pydantic import Field

from audiosense_common.wire import Message

INSTANCE_HEADER = "AudioSense-Instance"
"""A UUID that an agent's process draws when it starts and never writes down, so that two copies of a disk differ."""
WAITING_HEADER = "AudioSense-Waiting"
"""Measurements that the agent has not delivered yet; shown with each copy of a quarantined agent."""
OLD_CREDENTIAL = "old_credential"
"""Type of the problem that refuses a credential which was replaced by a newer one."""


class CredentialIssued(Message):
    """A new credential (``POST /api/v1/agent/credential``), shown this once.

    The one that the request came with stays valid until the new one is used for the first time. Asking again before
    that replaces the new one.
    """

    credential: Annotated[str, Field(min_length=1, max_length=200)]
