"""A collector over HTTPS on loopback that obeys the wire contract and injects faults, counting each."""

import collections
import hashlib
import http.server
import json
import ssl
import threading
import time
import urllib.parse
from uuid import UUID, uuid4

import zstandard
from pydantic import ValidationError

from agent_testing.spoiling import AFTER_COMMIT, INSTEAD
from audiosense_agent.enrolment import Identity
from audiosense_common.enrolment import EnrolmentKey
from audiosense_common.wire import (
    REQUEST_ID_HEADER,
    Answer,
    Batch,
    ProbeColumns,
    ProbesTaken,
)
from audiosense_common.wire_clips import NOT_ALLOWED, ClipKind, ClipTaken, ClipUpload
from audiosense_common.wire_enrolment import Enrolled, EnrolmentRequest, RegisteredSensors, SensorRegistrations, Trust
from audiosense_common.wire_identity import CredentialIssued

CREDENTIAL = "credential-1"
SECRET = "secret-1"


class Collector:
    """``faults`` are used up by the batches that come: each is a name of a method ``_fault_…`` or a status code."""

    def __init__(self, authority, folder):
        self.authority = authority
        self.faults = collections.deque()
        self.fired = collections.Counter()
        self.requests = []
        self.request_ids = []
        self.stored = {}
        self.duplicates = 0
        self.events = {}
        self.gaps = {}
        self.batches = []
        self.registered = {}
        self.bundles = {}
        self.desired = {}
        self.probes_wanted = []
        self.probes = {}
        self.probe_faults = collections.deque()
        self.clips_allowed = []
        self.clips = {}
        self.clip_faults = collections.deque()
        self.signing_keys = {}
        self.poison = lambda _columns, _row: False
        self.poison_event = lambda _event: False
        self.refuse_enrolment = None
        self.max_measurements = 10_000
        self.poison_code = 422
        self.quarantined = False
        self.agent = uuid4()
        self.credential, self.pending = CREDENTIAL, None
        self.rotate = False
        self.rotations = 0
        self.credential_faults = collections.deque()
        self.attempts = []
        self.enrolment_faults = collections.deque()
        self.token = None
        self.epoch = None
        self._last = None
        self._lock = threading.Lock()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.issue(folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def key(self, trust=None):
        return EnrolmentKey(self.url, trust or self.authority.fingerprint, SECRET).encode()

    def identity(self, *names, trust=None):
        """Enrol by hand."""
        self.register(names)
        trust = trust or Trust(ca_pem=self.authority.pem, signing_keys=self.signing_keys)
        sensors = {name: self.registered[name] for name in names}
        return Identity(url=self.url, agent=self.agent, credential=CREDENTIAL, trust=trust, sensors=sensors)

    def register(self, names):
        for name in names:
            self.registered.setdefault(name, uuid4())
        return {name: self.registered[name] for name in names}

    def handle(self, method, path, headers, body):
        """Return status, body and headers; None to hang up without an answer."""
        with self._lock:
            self.requests.append((method, path))
            if path == "/api/v1/trust":
                return _json(Trust(ca_pem=self.authority.pem, signing_keys=self.signing_keys))
            if path == "/api/v1/enrol":
                return self._enrol(body)
            if not self._knows((headers.get("Authorization") or "").removeprefix("Bearer ")):
                return _problem(401, "this credential is unknown")
            if path == "/api/v1/agent/credential":
                return self._issue()
            if path == "/api/v1/agent/sensors":
                sensors = SensorRegistrations.model_validate_json(body).sensors
                return _json(RegisteredSensors(sensors=self.register([sensor.name for sensor in sensors])))
            return self._take(path, headers, body)

    def _knows(self, credential):
        if credential == self.pending:
            self.credential, self.pending, self.rotate = self.pending, None, False
            self.rotations += 1
        return credential == self.credential

    def _issue(self):
        fault = self.credential_faults.popleft() if self.credential_faults else None
        self.fired[f"credential {fault}"] += fault is not None
        if fault == "portal":
            return 200, b"<html>please log in</html>", {"Content-Type": "text/html"}
        if isinstance(fault, int):
            return _problem(fault, f"injected {fault}")
        self.pending = uuid4().hex
        return None if fault == "drop" else _json(CredentialIssued(credential=self.pending), 201)

    def _take(self, path, headers, body):
        if path.startswith("/api/v1/clips/"):
            return self._clip(path, body)
        if path == "/api/v1/batches":
            return self._batch(headers, body)
        return self._probes(headers, body) if path == "/api/v1/probes" else self._bundle(path)

    def _bundle(self, path):
        assert path.startswith("/api/v1/bundles/")
        content = self.bundles.get(path.rsplit("/", 1)[1])
        return (200, content, {}) if content is not None else _problem(404, "there is no such bundle")

    def _probes(self, headers, body):
        if self.probe_faults:
            return _problem(self.probe_faults.popleft(), "injected")
        assert headers.get("Content-Encoding") == "zstd"
        message = ProbeColumns.model_validate_json(zstandard.decompress(body, max_output_size=2**25))
        assert message.sensor in self.registered.values()
        self.probes[message.sensor] = message
        self.probes_wanted = [each for each in self.probes_wanted if each != message.sensor]
        return _json(ProbesTaken(stored=len(message.kind)))

    def _clip(self, path, body):
        fault = self.clip_faults.popleft() if self.clip_faults else None
        self.fired[f"clip {fault}"] += fault is not None
        if fault == "portal":
            return 200, b"<html>please log in</html>", {"Content-Type": "text/html"}
        if isinstance(fault, int):
            return _problem(fault, f"injected {fault}")
        address, _, query = path.partition("?")
        clip_id = UUID(address.rsplit("/", 1)[1])
        upload = ClipUpload.model_validate(dict(urllib.parse.parse_qsl(query)))
        if fault == "withdrawn" or upload.sensor not in self.clips_allowed:
            return _problem(403, "clips of this sensor are switched off", kind=NOT_ALLOWED)
        if upload.kind is ClipKind.EVENT and clip_id not in self.events:
            self.fired["unknown event"] += 1
            return _problem(404, f"there is no event {clip_id}")
        assert hashlib.sha256(body).hexdigest() == upload.sha256
        repeated = clip_id in self.clips
        self.fired["clip repeated"] += repeated
        self.clips[clip_id] = (upload, body)
        return None if fault == "drop" else _json(ClipTaken(repeated=repeated))

    def _enrol(self, body):
        request = EnrolmentRequest.model_validate_json(body)
        self.attempts.append(request.attempt)
        fault = self.enrolment_faults.popleft() if self.enrolment_faults else None
        self.fired[f"enrolment {fault}"] += fault is not None
        if fault == "drop":
            return None
        if request.secret != SECRET or self.refuse_enrolment:
            return _problem(403, self.refuse_enrolment or "this enrolment key is unknown")
        sensors = self.register([sensor.name for sensor in request.sensors])
        trust = Trust(ca_pem=self.authority.pem, signing_keys=self.signing_keys)
        return _json(Enrolled(agent=self.agent, credential=self.credential, trust=trust, sensors=sensors), 201)

    def _batch(self, headers, body):
        fault = self.faults.popleft() if self.faults else None
        self.fired[fault] += fault is not None
        if fault == "429":
            return _problem(429, "too many", {"Retry-After": "7"})
        if isinstance(fault, int):
            return _problem(fault, f"injected {fault}")
        if fault in INSTEAD:
            return 200, b"", INSTEAD[fault]
        assert headers.get("Content-Encoding") == "zstd"
        content = zstandard.decompress(body, max_output_size=2**25)
        answer = self._store(content)
        if fault in AFTER_COMMIT:
            answer = 200, answer[1], AFTER_COMMIT[fault]
        return None if fault == "drop" else answer

    def _store(self, content):
        digest = hashlib.sha256(content).hexdigest()
        if self._last is not None and self._last[0] == digest:
            self.fired["exact repeat"] += 1
            return _json(self._last[1])
        try:
            batch = Batch.model_validate_json(content)
        except ValidationError as error:
            return _problem(422, str(error))
        refusal = self._judge(batch)
        if refusal is not None:
            return refusal
        for columns in batch.sensors:
            features = columns.features.unpack()
            for place, seq in enumerate(columns.seq):
                key = (columns.sensor, batch.epoch, seq)
                self.duplicates += key in self.stored
                self.stored[key] = (columns.time_us[place], columns.score[place], features[place].tobytes())
        for event in batch.events:
            if event.id not in self.events or self.events[event.id].revision < event.revision:
                self.events[event.id] = event
        self.gaps |= {(gap.epoch, gap.number): gap for gap in batch.gaps}
        self.batches.append(batch)
        self.token, self.epoch = uuid4().hex, batch.epoch
        answer = Answer(
            server_time_us=time.time_ns() // 1_000,
            token=self.token,
            stored=0,
            repeated=0,
            desired=self.desired,
            probes_wanted=self.probes_wanted,
            clips_allowed=self.clips_allowed,
            rotate_credential=self.rotate,
        )
        self._last = (digest, answer)
        return _json(answer)

    def _judge(self, batch):
        count = sum(len(columns.seq) for columns in batch.sensors)
        known = set(self.registered.values())
        unknown = [str(columns.sensor) for columns in batch.sensors if columns.sensor not in known]
        if self.quarantined or batch.agent != self.agent:
            return _problem(403, "this agent is quarantined")
        if count > self.max_measurements:
            self.fired["too large"] += 1
            return _problem(413, f"{count} measurements")
        if unknown:
            return _problem(422, f"sensor {unknown[0]} is unknown")
        if any(self.poison(columns, place) for columns in batch.sensors for place in range(len(columns.seq))):
            self.fired["poison"] += 1
            return _problem(self.poison_code, "sensors.0.score is poison")
        if any(self.poison_event(event) for event in batch.events):
            self.fired["poison event"] += 1
            return _problem(422, "events.0 is poison")
        is_new_life = batch.token is None and batch.epoch != self.epoch
        self.quarantined = self.token is not None and batch.token != self.token and not is_new_life
        return _problem(403, "quarantined: an old token") if self.quarantined else None


def _json(message, code=200):
    return code, message.model_dump_json(by_alias=True).encode(), {"Content-Type": "application/json"}


def _problem(code, detail, headers=None, kind="about:blank"):
    body = json.dumps({"type": kind, "title": "refused", "status": code, "detail": detail}).encode()
    return code, body, {"Content-Type": "application/problem+json"} | (headers or {})


def _handler(collector):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def _do(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            collector.request_ids.append(self.headers.get(REQUEST_ID_HEADER))
            reply = collector.handle(self.command, self.path, self.headers, body)
            if reply is None:
                self.close_connection = True
                return
            code, content, headers = reply
            if callable(headers):
                headers(self, content)
                return
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _do  # noqa: N815 - names that http.server looks for

        def log_message(self, *_):
            pass

        def handle(self):
            try:
                super().handle()
            except (ssl.SSLError, ConnectionError):
                collector.fired["handshake failed"] += 1

    return Handler
