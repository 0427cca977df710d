"""HTTPS to the collector's port for agents, trusting only the enrolled CA."""

import contextlib
import functools
import hashlib
import logging
import socket
import ssl
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from pydantic import ValidationError

from audiosense_agent.certificates import NO_CHECK_TIME, explain_certificate
from audiosense_agent.errors import EnrolmentError, LinkError
from audiosense_common.enrolment import SYSTEM_TRUST, EnrolmentKey
from audiosense_common.wire import IDLE_CONNECTION_S, REQUEST_ID_HEADER, Problem
from audiosense_common.wire_enrolment import Trust
from audiosense_common.wire_identity import INSTANCE_HEADER

# The command line of httpx would bring rich and pygments along: 5 MiB that no agent uses.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
import httpx  # noqa: E402

log = logging.getLogger(__name__)
_MAX_ANSWER_BYTES = 4 * 2**20
_OK = 200
_CREATED = 201


@functools.cache
def this_process() -> UUID:
    """Return what stands for this process, drawn anew at each start and never written down.

    A copied disk cannot carry it along.
    """
    return uuid4()


@dataclass(frozen=True, slots=True)
class Reply:
    """Status code, bytes and headers of an answer, and the number of the request, which the collector's log has too."""

    code: int
    content: bytes
    headers: Mapping[str, str]
    request_id: str = ""

    @property
    def is_success(self) -> bool:
        """Whether the code is one of those that the agent API gives for success."""
        return self.code in (_OK, _CREATED)

    def problem(self) -> str:
        """Say in one line what the collector found wrong."""
        try:
            problem = Problem.model_validate_json(self.content)
        except ValidationError:
            return f"code {self.code} without an explanation"
        fields = [f"{error.get('loc', '')}: {error.get('msg', '')}" for error in problem.errors or []]
        return " ".join(f"{problem.detail} {'; '.join(fields[:3])}".split())[:400]


class Client:
    """One keep-alive connection to a collector; ``request_id`` is the number of the latest request on it.

    Args:
        url: base address, ``https://HOST:PORT``.
        ca_pem: the only CA to trust; None for the operating system's store.
        credential: sent as bearer token.
        timeout_s: for connecting, and between two pieces of an answer.
        instance: which process this is; told with the credential. This one, if it is not given.
        check_dates: whether certificates must be valid today. Without, for a computer whose clock is known to be wrong,
            the chain up to the enrolled CA is verified all the same; the operating system's store always checks dates.
    """

    def __init__(
        self,
        url: str,
        ca_pem: str | None,
        credential: str | None = None,
        timeout_s: float = 30.0,
        instance: UUID | None = None,
        *,
        check_dates: bool = True,
    ) -> None:
        try:
            context = ssl.create_default_context(cadata=ca_pem)
        except ssl.SSLError:
            raise LinkError("the kept CA certificate is damaged; enrol the agent again") from None
        if ca_pem is not None and not check_dates:
            context.verify_flags |= NO_CHECK_TIME
        headers = (
            {"Authorization": f"Bearer {credential}", INSTANCE_HEADER: str(instance or this_process())}
            if credential
            else {}
        )
        self.request_id = ""
        self.url, self._ca_pem, self._timeout_s = url, ca_pem, timeout_s
        limits = httpx.Limits(keepalive_expiry=IDLE_CONNECTION_S)
        self._connection = _Connection()
        self._http = httpx.Client(
            base_url=url, verify=context, timeout=timeout_s, headers=headers, trust_env=False, limits=limits
        )

    def close(self) -> None:
        """Close the connection."""
        self._http.close()
        self._connection.end()

    def cut(self) -> None:
        """Break off the request that another thread waits for, and refuse all later ones: they raise LinkError.

        Only a connection that is still being made holds that thread until its time is up; it is not used any more.
        """
        self._connection.cut()

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        limit: int = _MAX_ANSWER_BYTES,
    ) -> Reply:
        """Send a request and read the answer, of which at most ``limit`` bytes are taken.

        Raises:
            LinkError: no answer, it was cut, an answer too long, or a certificate that the enrolled CA did not sign.
        """
        self._refuse_if_cut()
        number = self.request_id = uuid4().hex[:16]
        try:
            numbered = {**(headers or {}), REQUEST_ID_HEADER: number}
            trace = {"trace": self._connection.trace}
            with self._http.stream(method, path, content=body, headers=numbered, extensions=trace) as response:
                content = b""
                for piece in response.iter_bytes():
                    content += piece
                    if len(content) > limit:
                        raise LinkError(f"the answer of {self.url} is longer than {limit} bytes")
                log.debug("request %s: %s %s: %d", number, method, path, response.status_code)
                self._refuse_if_cut()
                return Reply(response.status_code, content, response.headers, number)
        except httpx.HTTPError as error:
            self._connection.end()
            log.debug("request %s: %s %s: no answer", number, method, path)
            raise LinkError(_explain(self.url, error, self._ca_pem, self._timeout_s)) from None

    def _refuse_if_cut(self) -> None:
        if self._connection.is_cut:
            raise LinkError(f"the connection to {self.url} was broken off, for the agent stops")

    def request_json(self, method: str, path: str, document: str) -> Reply:
        """Send a JSON document."""
        return self.request(method, path, body=document.encode(), headers={"Content-Type": "application/json"})


class _Connection:
    """A second handle of the connection in use, by which another thread can end it whatever it waits for.

    A handle of its own, because that of httpx changes with the TLS handshake, and closing it would wake nobody.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self.is_cut = False

    def trace(self, name: str, info: Mapping[str, Any]) -> None:
        """Note each new connection."""
        if name == "connection.connect_tcp.complete":
            self.end()
            with self._lock:
                self._socket = info["return_value"].get_extra_info("socket").dup()
            if self.is_cut:
                self.end()

    def cut(self) -> None:
        """End it, and all that follow as soon as they are made."""
        self.is_cut = True
        self.end()

    def end(self) -> None:
        """End it, if there is one."""
        with self._lock:
            ended, self._socket = self._socket, None
        if ended is not None:
            with contextlib.suppress(OSError):
                ended.shutdown(socket.SHUT_RDWR)
            ended.close()


def fetch_trust(key: EnrolmentKey, timeout_s: float = 30.0) -> Trust:
    """Fetch the collector's trust document and check it against the enrolment key.

    The document comes over an unverified connection when the key pins a CA; its CA certificate is then taken only if
    its SHA-256 is the pinned one.

    Raises:
        EnrolmentError: another CA than the key names, or an answer that is none of AudioSense's.
        LinkError: no answer.
    """
    context = ssl.create_default_context()
    if key.trust != SYSTEM_TRUST:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        with httpx.Client(verify=context, timeout=timeout_s, trust_env=False) as http:
            response = http.get(f"{key.url}/api/v1/trust")
        trust = Trust.model_validate_json(response.content)
    except httpx.HTTPError as error:
        raise LinkError(_explain(key.url, error, None, timeout_s)) from None
    except ValidationError:
        raise EnrolmentError(
            f"{key.url} answered with code {response.status_code} and no trust document; "
            "check that the address is the collector's port for agents"
        ) from None
    if key.trust == SYSTEM_TRUST:
        return trust.model_copy(update={"ca_pem": None})
    found = _fingerprint(trust.ca_pem)
    if found != key.trust:
        raise EnrolmentError(
            f"the collector at {key.url} shows the CA {found[:16]}…, the enrolment key names {key.trust[:16]}…; "
            "somebody may be in between, or the key is of another collector: create a new key there"
        )
    return trust


def _fingerprint(ca_pem: str | None) -> str:
    from cryptography import x509  # noqa: PLC0415 - only an enrolment needs it, and it takes 8 MiB
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    try:
        certificate = x509.load_pem_x509_certificate((ca_pem or "").encode())
    except ValueError:
        return "none"
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def _explain(url: str, error: httpx.HTTPError, ca_pem: str | None, timeout_s: float) -> str:
    cause: Any = error.__cause__ or error.__context__ or error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return explain_certificate(url, ca_pem, cause, timeout_s)
    text = str(error) or type(error).__name__
    return f"the collector at {url} cannot be reached: {text}; check that it runs, the address and the network"
