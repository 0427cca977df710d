"""Secrets that are drawn here, and what is kept of them."""

import hashlib
import secrets

SECRET_BYTES = 32
API_TOKEN_PREFIX = "as_"  # noqa: S105 - how tokens begin, no secret
"""By it secret scanners find tokens in source text."""


def draw_secret(prefix: str = "") -> str:
    """Draw 256 random bits, as text that fits cookies, headers and links."""
    return prefix + secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> bytes:
    """Return what is kept of a secret; a plain hash is enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()
