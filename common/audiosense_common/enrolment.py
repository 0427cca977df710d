"""The enrolment key: one string that holds the collector's address, the trust and a secret."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from audiosense_common.errors import EnrolmentKeyError

PREFIX = "audiosense-1-"
SYSTEM_TRUST = "system"
_SHA256_HEX_LENGTH = 64


@dataclass(frozen=True, slots=True)
class EnrolmentKey:
    """What an agent needs to introduce itself to a collector.

    Attributes:
        url: base address of the collector's port for agents, for example ``https://collector:8443``.
        trust: ``system`` for the operating system's certificate store, or the SHA-256 (lower-case
            hexadecimal) of the DER form of the collector's own CA certificate.
        secret: traded once for a credential of the agent's own.
    """

    url: str
    trust: str
    secret: str

    def encode(self) -> str:
        """Return the key as one string without white space, safe in a shell."""
        fields = json.dumps({"url": self.url, "trust": self.trust, "secret": self.secret}, separators=(",", ":"))
        return PREFIX + base64.urlsafe_b64encode(fields.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read a key back.

        Raises:
            EnrolmentKeyError: the text is no enrolment key; the message says what is wrong with it.
        """
        text = text.strip()
        if not text.startswith(PREFIX):
            raise EnrolmentKeyError(
                f"this is no enrolment key: it starts with {text[:12]!r}, expected {PREFIX!r}; copy the whole line "
                "that `audiosense-collector enrolment-key create` printed"
            )
        body = text.removeprefix(PREFIX)
        try:
            fields = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
            key = cls(url=fields["url"], trust=fields["trust"], secret=fields["secret"])
        except (binascii.Error, ValueError, KeyError, TypeError):
            raise EnrolmentKeyError(
                f"the enrolment key is damaged ({len(text)} characters): copy the whole line again, or create a new key"
            ) from None
        key._check()
        return key

    def _check(self) -> None:
        if not all(isinstance(value, str) for value in (self.url, self.trust, self.secret)):
            raise EnrolmentKeyError("the enrolment key is damaged: a field is no text; create a new key")
        if not _is_address(self.url):
            raise EnrolmentKeyError(f"the enrolment key's address is {self.url!r}, expected https://HOST:PORT")
        is_digest = len(self.trust) == _SHA256_HEX_LENGTH and set(self.trust) <= set("0123456789abcdef")
        if self.trust != SYSTEM_TRUST and not is_digest:
            raise EnrolmentKeyError(f"the enrolment key's trust is {self.trust!r}, expected 'system' or a SHA-256")


def _is_address(url: str) -> bool:
    """Whether a URL is https, with a host that a resolver can be asked for and a port that exists, if any."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna")
    except ValueError:
        return False
    return parts.scheme == "https" and bool(host) and port != 0
