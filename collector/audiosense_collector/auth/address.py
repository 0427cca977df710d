"""Where a request comes from, and how: after the headers of trusted proxies were taken into account."""

import ipaddress

from starlette.datastructures import Headers
from starlette.types import Scope

UNKNOWN = "unknown"
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "via")


def address_of(scope: Scope) -> str:
    """Return the client's address, ``unknown`` where there is none."""
    client = scope.get("client")
    return str(client[0]) if client else UNKNOWN


def is_local(scope: Scope) -> bool:
    """Whether a program on this computer asks itself; behind a proxy every client seems to be local, so none is."""
    headers = Headers(scope=scope)
    if any(name in headers for name in _FORWARDED):
        return False
    return is_loopback(address_of(scope))


def is_loopback(address: str) -> bool:
    """Whether an address is this computer's own."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return bool((getattr(found, "ipv4_mapped", None) or found).is_loopback)


def is_encrypted(scope: Scope) -> bool:
    """Whether the browser speaks TLS, to a trusted proxy in front."""
    return str(scope.get("scheme")) == "https"
