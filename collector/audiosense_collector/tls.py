"""The collector's own certificate authority and the certificate of the agents' port."""

import contextlib
import datetime as dt
import fcntl
import hashlib
import ipaddress
import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from audiosense_collector.errors import SettingsError
from audiosense_collector.settings import Settings

CA_YEARS = 20
SERVER_DAYS = 397
RENEW_DAYS = 30
_CA_FILES = ("ca.pem", "ca.key")
_BACKDATE = dt.timedelta(days=1)
"""Agents' clocks may be behind."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Where the server's certificate chain and key are, and the CA that agents pin."""

    chain: Path
    key: Path
    ca_pem: str

    @property
    def ca_digest(self) -> str:
        """SHA-256 (hexadecimal) of the CA certificate's DER form, as enrolment keys carry it."""
        certificate = x509.load_pem_x509_certificate(self.ca_pem.encode())
        return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def ensure_tls(settings: Settings) -> Tls:
    """Make CA and server certificate on first use; renew the latter when it nears its end or lacks a name.

    The CA is in ``<trust_dir>/tls``, which may be read-only once it is there; the certificate in ``<data_dir>/tls``.

    Raises:
        SettingsError: a folder cannot be used.
    """
    authority, folder = settings.trust_dir / "tls", settings.data_dir / "tls"
    try:
        if not all((authority / name).exists() for name in _CA_FILES):
            with _locked(authority):
                _ensure_authority(authority)
        with _locked(folder):
            return _ensure(authority, folder, _names(settings))
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"the certificates in {folder} cannot be used: {error}; restore them from a backup, or remove the folder "
            "to have new ones and enrol the agents again"
        ) from None


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _ensure_authority(folder: Path) -> None:
    ca_file, ca_key_file = (folder / name for name in _CA_FILES)
    if not (ca_file.exists() and ca_key_file.exists()):
        ca_key = ec.generate_private_key(ec.SECP256R1())
        _write(ca_key_file, _key_pem(ca_key))
        _write(ca_file, _make_ca(ca_key).public_bytes(Encoding.PEM))


def _ensure(authority: Path, folder: Path, names: set[str]) -> Tls:
    ca_file, ca_key_file = (authority / name for name in _CA_FILES)
    chain_file, key_file = folder / "server.pem", folder / "server.key"
    ca = x509.load_pem_x509_certificate(ca_file.read_bytes())
    if not (chain_file.exists() and key_file.exists() and _is_good(chain_file, ca, names)):
        signer = load_pem_private_key(ca_key_file.read_bytes(), password=None)
        if not isinstance(signer, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{ca_key_file} is no EC key")
        key = ec.generate_private_key(ec.SECP256R1())
        _write(key_file, _key_pem(key))
        certificate = _make_server(key, ca, signer, names)
        _write(chain_file, certificate.public_bytes(Encoding.PEM) + ca_file.read_bytes())
    return Tls(chain_file, key_file, ca_file.read_text())


def _names(settings: Settings) -> set[str]:
    names = {"localhost", "127.0.0.1", "::1", socket.gethostname()}
    return names | {urlsplit(settings.agents_address).hostname or "localhost"}


def _is_good(chain: Path, ca: x509.Certificate, names: set[str]) -> bool:
    certificate = x509.load_pem_x509_certificate(chain.read_bytes())
    remaining = certificate.not_valid_after_utc - dt.datetime.now(dt.UTC)
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (
        remaining > dt.timedelta(days=RENEW_DAYS)
        and certificate.issuer == ca.subject
        and set(_general_names(names)) <= set(found)
    )


def _general_names(names: Iterable[str]) -> list[x509.GeneralName]:
    return [_general_name(name) for name in sorted(names)]


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _make_ca(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    subject = _name(f"AudioSense CA of {socket.gethostname()}"[:64])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + dt.timedelta(days=365 * CA_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _make_server(
    key: ec.EllipticCurvePrivateKey, ca: x509.Certificate, signer: ec.EllipticCurvePrivateKey, names: set[str]
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    issuer = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        x509.CertificateBuilder()
        .subject_name(_name("AudioSense collector"))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + dt.timedelta(days=SERVER_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False)
        .sign(signer, hashes.SHA256())
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes) -> None:
    """Write whole or not at all, readable by the owner only."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
