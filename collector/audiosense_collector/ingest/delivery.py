"""A batch on its way into the database."""

from dataclasses import dataclass
from uuid import UUID

from audiosense_collector.agents.copies import Caller
from audiosense_collector.agents.service import Sender
from audiosense_collector.clock import SECOND_US, now_us
from audiosense_collector.ingest.body import ParsedBatch
from audiosense_collector.ingest.measured import newest_us

FRESH_US = 180 * SECOND_US
"""A batch whose newest measurement is older is of a backlog: agents send at least every minute."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A parsed batch, who sent it, and the header that says so."""

    sender: Sender
    parsed: ParsedBatch
    caller: Caller
    authorization: str | None
    is_backlog: bool

    @property
    def agent(self) -> UUID:
        """The agent whose credential came with it."""
        return self.sender.agent

    @property
    def rows(self) -> int:
        """How many measurements it holds."""
        return self.parsed.rows


def deliver(sender: Sender, parsed: ParsedBatch, caller: Caller, authorization: str | None) -> Delivery:
    """Make a delivery of a batch that arrives now."""
    is_backlog = newest_us(parsed.measured) < now_us() - FRESH_US
    return Delivery(sender, parsed, caller, authorization, is_backlog)
