"""Passwords: what is taken (after NIST SP 800-63B-4, section 3.1.1), and how they are hashed: argon2id."""

import itertools
import unicodedata
from functools import cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from audiosense_collector.bulkhead import Bulkhead
from audiosense_collector.errors import InvalidError

MIN_LENGTH = 15
"""Characters; what the standard asks of a password that nothing else stands beside."""
MAX_LENGTH = 256
AT_ONCE = 2
"""Each takes 64 MiB and a processor for a tenth of a second."""
MAX_WAITING = 22
WAIT_S = 30.0
_LEAST_CHARACTERS = 5
_LEAST_OWN = 8
_EXPECTED = (
    "audiosense",
    "administrator",
    "password",
    "contraseña",
    "letmein",
    "welcome",
    "changeme",
    "correcthorsebatterystaple",
)
_ROWS = ("01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm")
_RUN = 4
_hashing = PasswordHash((Argon2Hasher(time_cost=3, memory_cost=64 * 1024, parallelism=4),))
"""The second recommended choice of RFC 9106, section 4: 64 MiB, three passes, four lanes."""


class Workers:
    """Hashes off the event loop, a few at a time; one for a process, made with its runtime."""

    def __init__(self) -> None:
        self._places = Bulkhead(AT_ONCE, waiting=MAX_WAITING, wait_s=WAIT_S, what="sign-ins")

    async def hash(self, password: str) -> str:
        """Hash a password.

        Raises:
            UnavailableError: too many wait.
        """
        return await self._places.do(_hashing.hash, normalise(password))

    async def verify(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        """Compare a password with its hash, None where there is no such user; that takes as long.

        Returns:
            Whether it is right, and the hash to keep from now on if the old one's parameters are outdated.

        Raises:
            UnavailableError: too many wait.
        """
        right, new = await self._places.do(_verify, normalise(password), hashed)
        return (False, None) if hashed is None else (right, new)


def _verify(password: str, hashed: str | None) -> tuple[bool, str | None]:
    return _hashing.verify_and_update(password, hashed or _nobodys_hash())


def normalise(password: str) -> str:
    """Return the form that is compared: the same characters from every keyboard (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, name: str) -> None:
    """Check a new password: long, and nothing that would be guessed first; no rules on which characters it has.

    Raises:
        InvalidError: it is not taken; the message says why and never holds it.
    """
    found = normalise(password)
    if len(found) < MIN_LENGTH:
        words = f"has {len(found)} characters, expected at least {MIN_LENGTH}; a few words in a row will do"
        raise _refused(words, "password_too_short")
    if len(found) > MAX_LENGTH:
        raise _refused(f"has {len(found)} characters, expected at most {MAX_LENGTH}", "password_too_long")
    plain = found.casefold()
    if len(set(plain)) < _LEAST_CHARACTERS:
        words = f"has fewer than {_LEAST_CHARACTERS} different characters; choose another"
        raise _refused(words, "password_too_uniform")
    rest = plain
    for expected in sorted({*_EXPECTED, name.casefold()}, key=len, reverse=True):
        rest = rest.replace(expected, "") if expected else rest
    rest = "".join(_without_runs(rest))
    if len(rest) < _LEAST_OWN or _is_repetition(plain):
        raise _refused(
            "is hardly more than the name, a common word, a row of keys or a repetition; choose another, "
            "for example a few words in a row",
            "password_guessable",
        )


def _refused(reason: str, kind: str) -> InvalidError:
    return InvalidError(f"the password {reason}", loc="password", kind=kind)


def _is_repetition(text: str) -> bool:
    half = len(text) // 2
    return any(text == (text[:size] * len(text))[: len(text)] for size in range(1, min(half, _LEAST_OWN) + 1))


def _without_runs(text: str) -> list[str]:
    """Leave one character of each row of four or more neighbouring keys, letters or digits, forwards or backwards."""
    kept: list[str] = []
    length = 0
    for before, here in itertools.pairwise(["", *text]):
        length = length + 1 if before and _are_neighbours(before, here) else 1
        if length < _RUN:
            kept.append(here)
        elif length == _RUN:
            del kept[-(_RUN - 2) :]
    return kept


def _are_neighbours(one: str, other: str) -> bool:
    return any(one + other in row or other + one in row for row in _ROWS)


@cache
def _nobodys_hash() -> str:
    """A hash that stands for that of an unknown user."""
    return _hashing.hash("nobody has this password")
