"""The collector's Ed25519 key that signs bundles, made once in the data directory."""

import contextlib
import hashlib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from audiosense_common.errors import AudioSenseError

FOLDER = "keys"
FILE = "signing.pem"
_KEY_ID_LENGTH = 16
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class SigningKeyError(AudioSenseError):
    """The signing key's file is damaged, or others than its owner have access to it."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private key and its id, the first 16 hexadecimal digits of the SHA-256 of the raw public key."""

    private: Ed25519PrivateKey
    key_id: str

    @classmethod
    def of(cls, private: Ed25519PrivateKey) -> Self:
        """Name a private key."""
        return cls(private, hashlib.sha256(_raw_public(private)).hexdigest()[:_KEY_ID_LENGTH])

    def public_keys(self) -> dict[str, str]:
        """Return what agents trust: raw Ed25519 public keys in hexadecimal by key id (``Trust.signing_keys``)."""
        return {self.key_id: _raw_public(self.private).hex()}


def load_signing_key(folder: Path) -> SigningKey:
    """Read ``keys/signing.pem`` of a folder, made on first use with mode 0600; of several processes one makes it.

    Raises:
        SigningKeyError: the file cannot be read or written, is no Ed25519 key, or is open to others.
    """
    path = folder / FOLDER / FILE
    try:
        # A shared folder may be read-only once the key is in it.
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _create(path)
        return SigningKey.of(_read(path))
    except OSError as error:
        raise SigningKeyError(
            f"the signing key {path} cannot be read or made: {error.strerror}; check the data directory's owner"
        ) from error


def _raw_public(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _create(path: Path) -> None:
    """Write a new key under a temporary name, durably, and link it into place unless another process was first."""
    content = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    temporary = path.with_name(f".{FILE}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(temporary)
    finally:
        temporary.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> Ed25519PrivateKey:
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        content = file.read()
    if mode & _OTHERS:
        raise SigningKeyError(
            f"the signing key {path} has mode {mode:04o}, expected 0600: others may have copied it; "
            f"run `chmod 600 {path}`, or remove it to have a new one and enrol the agents again"
        )
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _damaged(path, f"{len(content)} bytes") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _damaged(path, f"a {type(key).__name__}")
    return key


def _damaged(path: Path, found: str) -> SigningKeyError:
    return SigningKeyError(
        f"the signing key {path} is damaged (found {found}, expected an Ed25519 key in PEM); restore it from a "
        "backup, or remove it to have a new one and enrol the agents again"
    )
