"""Credentials that were found to be an agent's, so that a batch's transaction alone needs to look at the database."""

from collections import OrderedDict
from uuid import UUID

from audiosense_collector.agents.keys import digest
from audiosense_collector.agents.service import Sender

MOST = 200_000
"""Credentials remembered by a process; some 30 MB."""
_SCHEME = "bearer"


class RememberedCredentials:
    """Which agent a credential was of when it was looked up last; for use by one event loop.

    It opens nothing: whoever takes the sender's batch compares the credential with the agent's locked row, so that
    revoking and replacing act on the next request, on whichever process it comes to.
    """

    def __init__(self, most: int = MOST) -> None:
        self._agents: OrderedDict[bytes, UUID] = OrderedDict()
        self._most = most

    def find(self, authorization: str | None) -> Sender | None:
        """Return who a header's credential was of, None if that is not known."""
        sha256 = _digest(authorization)
        agent = None if sha256 is None else self._agents.get(sha256)
        if sha256 is None or agent is None:
            return None
        self._agents.move_to_end(sha256)
        return Sender(agent, credential=sha256)

    def keep(self, authorization: str | None, sender: Sender) -> None:
        """Remember a sender that is served."""
        sha256 = _digest(authorization)
        if sha256 is None or sender.refusal is not None:
            return
        self._agents[sha256] = sender.agent
        if len(self._agents) > self._most:
            self._agents.popitem(last=False)

    def forget(self, authorization: str | None) -> None:
        """Look the credential up again when it comes next."""
        sha256 = _digest(authorization)
        if sha256 is not None:
            self._agents.pop(sha256, None)


def _digest(authorization: str | None) -> bytes | None:
    scheme, _, secret = (authorization or "").partition(" ")
    return digest(secret.strip()) if scheme.lower() == _SCHEME and secret.strip() else None
