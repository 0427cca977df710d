"""A collector that takes connections and answers nothing, or for ever: the agent stops and reloads all the same."""

import contextlib
import socket
import ssl
import threading
import time

import pytest
from agent_testing.samples import simulated

from audiosense_agent import service
from audiosense_agent.config import Settings
from audiosense_agent.enrolment import Identity
from audiosense_agent.errors import LinkError
from audiosense_agent.sections import CollectorSettings
from audiosense_agent.spool import Spool
from audiosense_agent.spool.view import read_spool
from audiosense_agent.uplink import Retry
from audiosense_common.wire_enrolment import Trust

ENDS_WITHIN_S = 12.0
TIMEOUT_S = 60.0
"""Of a request; without being broken off it would outlast every deadline here."""


class Idle(Retry):
    """An uplink that waits long after a failure."""

    def delay(self, failures):
        return TIMEOUT_S


class Port:
    """Refuses connections until it is opened; then it takes them, and ``drips`` an answer without end or is silent."""

    def __init__(self, authority, folder, *, drips):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(authority.issue(folder))
        self._drips = drips
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=1)
        address = self._socket.getsockname()
        self._socket.close()
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(address)
        self.url = f"https://127.0.0.1:{address[1]}"
        self.taken = threading.Event()
        self.left = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def open(self):
        self._socket.listen()
        self._thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with connection, contextlib.suppress(OSError):
                    self._keep(connection)
                self.left.set()

    def _keep(self, connection):
        if not self._drips:
            self.taken.set()
            while connection.recv(65_536):
                pass
            return
        with self._context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(65_536)
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            self.taken.set()
            while not self._closed.wait(0.05):
                secured.sendall(b"x")

    def close(self):
        self._closed.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        if self._thread.is_alive():
            self._thread.join(30)


@pytest.fixture(params=[False, True], ids=["silent", "dripping"])
def port(request, authority, tmp_path):
    made = Port(authority, tmp_path / "server", drips=request.param)
    yield made
    made.close()


@pytest.fixture
def agent(port, collector, authority, tmp_path):
    """An enrolled agent that hears short windows, and its thread."""
    of_old = collector.identity("pump")
    trust = Trust(ca_pem=authority.pem, signing_keys={})
    folder = tmp_path / "state"
    Identity(url=port.url, agent=of_old.agent, credential=of_old.credential, trust=trust, sensors=of_old.sensors).save(
        folder
    )
    intervals = CollectorSettings(batch_interval_s=0.05, heartbeat_s=0.5, timeout_s=TIMEOUT_S)
    settings = Settings(name="test", state_dir=folder, collector=intervals, sensors=[simulated(window_s=0.1)])
    running = service.Service(settings, retry=Idle())
    thread = threading.Thread(target=running.run)
    thread.start()
    yield running, thread
    running.stop()
    thread.join(2 * TIMEOUT_S)


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def heard(running):
    return running.spool.status().rows


def ends(thread):
    began = time.monotonic()
    thread.join(2 * TIMEOUT_S)
    return not thread.is_alive() and time.monotonic() - began < ENDS_WITHIN_S


def test_a_stop_ends_in_time_and_keeps_the_windows(agent, port, monkeypatch):
    monkeypatch.setattr(service, "DRAIN_S", 1.0)
    running, thread = agent
    wait_for(lambda: "cannot be reached" in running.uplink.state and heard(running) > 3)
    port.open()
    before = heard(running)
    running.stop()
    assert port.taken.wait(30)
    assert ends(thread)
    assert port.left.wait(30)
    left = read_spool(running.settings.state_dir / "spool.db").status
    assert left.rows >= before
    assert left.dropped == 0


def test_a_reload_waits_for_no_answer_and_what_it_leaves_behind_does_nothing_more(agent, port, monkeypatch):
    monkeypatch.setattr(service, "DRAIN_S", 2 * TIMEOUT_S)
    running, thread = agent
    wait_for(lambda: "cannot be reached" in running.uplink.state and heard(running) > 3)
    port.open()
    running.uplink.wake()
    assert port.taken.wait(30)
    running.stop(drain=False)
    assert ends(thread)
    assert port.left.wait(30)
    assert not [each for each in threading.enumerate() if each.name == "uplink" and each.is_alive()]
    left = read_spool(running.settings.state_dir / "spool.db").status
    assert left.rows > 3
    assert left.dropped == 0


def test_nothing_is_sent_or_stored_after_a_cut(setup):
    setup.enrol().fill(3)
    setup.uplink.cut()
    setup.uplink.step()
    assert "broken off" in setup.uplink.state
    assert setup.collector.requests == []
    assert setup.spool.status().rows == 3


def test_a_client_that_was_cut_refuses_what_comes_later(collector):
    client = collector.identity("pump").client()
    with contextlib.closing(client):
        assert client.request("GET", "/api/v1/bundles/none").code == 404
        client.cut()
        with pytest.raises(LinkError, match="broken off"):
            client.request("GET", "/api/v1/bundles/none")


def test_a_closed_spool_takes_nothing_from_an_uplink_left_behind(setup):
    spool = Spool(setup.folder / "other.db")
    spool.close()
    with pytest.raises(Exception, match="closed"):
        spool.put(token="of the old uplink")
    with contextlib.closing(Spool(setup.folder / "other.db")) as opened:
        assert opened.get("token") == ""
