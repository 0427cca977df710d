"""A network between agents and collector that loses, repeats, reorders and refuses: it ends TLS and forwards HTTP."""

import collections
import contextlib
import hashlib
import http.server
import random
import ssl
import threading
import time
from pathlib import Path

import httpx

_KEPT = 5
"""How many batches back a late copy may be; the collector knows the last eight of an agent."""
_SAFE = ("Authorization", "Content-Type", "Content-Encoding", "AudioSense-Instance", "AudioSense-Waiting")
OK = 200
_PASSING = frozenset({403, 503})
"""A copy that comes while its agent is in quarantine, or while the database is away."""


class Network:
    """Plays a trick on a batch with probability ``rate``; counts each by its effect.

    - ``lost_request``: the batch never arrives.
    - ``lost_answer``: the collector has committed, the agent hears nothing; counted when the same bytes come again.
    - ``cut_answer``: half of the answer arrives; counted like a lost one.
    - ``doubled``: the batch arrives twice, one after the other; counted when the collector takes the second.
    - ``late``: a copy of an earlier batch arrives after newer ones; counted when the collector takes it.
    - ``busy``: 503 with Retry-After, without asking the collector.
    """

    TRICKS = ("lost_request", "lost_answer", "cut_answer", "doubled", "late", "busy")

    def __init__(self, chain: Path, key: Path, seed: int) -> None:
        self.rate = 0.0
        self.seen: collections.Counter[str] = collections.Counter()
        self.refused: list[str] = []
        self._chance = random.Random(seed)
        self._target = ""
        self._unanswered: dict[str, str] = {}
        self._sent: dict[str, collections.deque[tuple[bytes, dict[str, str]]]] = {}
        self._lock = threading.Lock()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        self._http = httpx.Client(verify=False, trust_env=False, timeout=30)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def lead_to(self, target: str) -> None:
        """Forward to this address from now on."""
        self._target = target

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._http.close()

    def carry(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes, bool] | None:
        """Return code, headers, content and whether to cut it short; None to hang up."""
        trick = self._choose(path, headers, body)
        if trick == "lost_request":
            self._count(trick)
            return None
        if trick == "busy":
            self._count(trick)
            return 503, {"Retry-After": "1", "Content-Type": "application/json"}, b"{}", False
        reply = self._forward(method, path, headers, body)
        if reply is None or path != "/api/v1/batches" or reply.status_code != OK:
            if reply is not None and path == "/api/v1/batches":
                self._count(f"code {reply.status_code}")
            return None if reply is None else (reply.status_code, dict(reply.headers), reply.content, False)
        return self._answer(trick, headers, body, reply)

    def _choose(self, path: str, headers: dict[str, str], body: bytes) -> str:
        if path != "/api/v1/batches":
            return ""
        digest = hashlib.sha256(body).hexdigest()
        with self._lock:
            lost = self._unanswered.pop(digest, "")
            if lost:
                self.seen[lost] += 1
            return self._chance.choice(self.TRICKS) if self._chance.random() < self.rate else ""

    def _answer(
        self, trick: str, headers: dict[str, str], body: bytes, reply: httpx.Response
    ) -> tuple[int, dict[str, str], bytes, bool] | None:
        agent = headers.get("Authorization", "")
        with self._lock:
            sent = self._sent.setdefault(agent, collections.deque(maxlen=_KEPT))
            old = list(sent)
            sent.append((body, headers))
        if trick in {"lost_answer", "cut_answer"}:
            with self._lock:
                self._unanswered[hashlib.sha256(body).hexdigest()] = trick
            return None if trick == "lost_answer" else (OK, dict(reply.headers), reply.content, True)
        if trick == "doubled":
            self._repeat(trick, body, headers)
        elif trick == "late" and old:
            self._repeat(trick, *self._chance.choice(old))
        return OK, dict(reply.headers), reply.content, False

    def _repeat(self, trick: str, body: bytes, headers: dict[str, str]) -> None:
        again = self._forward("POST", "/api/v1/batches", headers, body)
        if again is not None and again.status_code == OK:
            self._count(trick)
        elif again is not None and again.status_code not in _PASSING:
            self.refused.append(f"{trick}: {again.status_code} {again.text[:200]}")

    def _forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response | None:
        try:
            return self._http.request(method, self._target + path, content=body, headers=headers)
        except httpx.HTTPError:
            self._count("no collector")
            time.sleep(0.05)
            return None

    def _count(self, name: str) -> None:
        with self._lock:
            self.seen[name] += 1


def _handler(network: Network) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def _carry(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: self.headers[name] for name in _SAFE if name in self.headers}
            found = network.carry(self.command, self.path, headers, body)
            if found is None:
                self.close_connection = True
                return
            code, sent, content, is_cut = found
            self.close_connection = self.close_connection or is_cut
            with contextlib.suppress(OSError):  # the agent was killed meanwhile
                self.send_response(code)
                for name, value in sent.items():
                    if name.lower() in {"content-type", "retry-after"}:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if is_cut else content)

        do_GET = do_POST = do_PUT = _carry  # noqa: N815 - the names that http.server calls

        def log_message(self, *_arguments: object) -> None:
            pass

    return Handler
