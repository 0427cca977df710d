"""What to say of a certificate that is refused: whose fault it is, the clock's or the signature's."""

import socket
import ssl
from datetime import UTC, datetime
from urllib.parse import urlsplit

NO_CHECK_TIME = ssl.VerifyFlags(0x200000)
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, for which Python has no name."""
_NOT_YET_VALID, _EXPIRED = 9, 10
_HTTPS = 443


def explain_certificate(url: str, ca_pem: str | None, error: ssl.SSLCertVerificationError, timeout_s: float) -> str:
    """Say what is wrong with a collector's certificate and what to do.

    For dates that do not fit, the certificate's are read over another connection, whose chain up to the CA is verified.
    """
    if error.verify_code not in (_NOT_YET_VALID, _EXPIRED):
        return (
            f"the certificate of {url} is not signed by the enrolled CA ({error.verify_message}); "
            "check the address, or enrol the agent again if the collector was set up anew"
        )
    dates = _read_dates(url, ca_pem, timeout_s)
    valid = f" (valid from {_day(dates[0])} until {_day(dates[1])})" if dates else ""
    return (
        f"the clock of this computer says {_day(datetime.now(UTC).timestamp())}, by which the certificate of {url} is "
        f"not valid: {error.verify_message}{valid}; set the clock (timedatectl set-ntp true), or start the collector "
        "again if its certificate did expire"
    )


def _read_dates(url: str, ca_pem: str | None, timeout_s: float) -> tuple[float, float] | None:
    """Return from when until when the collector's certificate is valid, in seconds since 1970; None if unknown."""
    address = urlsplit(url)
    try:
        context = ssl.create_default_context(cadata=ca_pem)
        context.verify_flags |= NO_CHECK_TIME
        host = address.hostname or ""
        with (
            socket.create_connection((host, address.port or _HTTPS), timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=host) as wrapped,
        ):
            found = wrapped.getpeercert() or {}
        first, last = (ssl.cert_time_to_seconds(str(found[name])) for name in ("notBefore", "notAfter"))
        return float(first), float(last)
    except (OSError, ValueError, KeyError):
        return None


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
