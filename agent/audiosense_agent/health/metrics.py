"""The agent's figures in Prometheus's text format (version 0.0.4), on a port of the loopback."""

import http.server
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from audiosense_agent.health.base import Check, CheckState
from audiosense_agent.sensor_health import SensorHealth
from audiosense_agent.spool.rows import SpoolStatus

log = logging.getLogger(__name__)
_PREFIX = "audiosense_agent_"
_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LOOPBACK = "127.0.0.1"

Sample = tuple[Mapping[str, str], float]


def render(checks: Iterable[Check], sensors: Mapping[str, SensorHealth], spool: SpoolStatus, batches: int) -> str:
    """Return checks and counters as text, a metric after the other."""
    per_sensor: dict[str, tuple[str, str, Callable[[SensorHealth], float]]] = {
        "windows_total": ("Windows heard.", "counter", lambda health: health.windows),
        "invalid_windows_total": (
            "Windows without a score.",
            "counter",
            lambda health: health.invalid,
        ),
        "events_total": ("Events opened.", "counter", lambda health: health.events),
        "gaps_total": ("Gaps in the sound.", "counter", lambda health: health.gaps),
        "overflows_total": ("Gaps from sound taken too late.", "counter", lambda health: health.overflows),
        "scoring_seconds_sum": ("Time spent on features and score.", "counter", lambda health: health.work_s),
        "since_window_seconds": ("Since the data path last beat.", "gauge", lambda health: health.pulse.silent_s),
    }
    lines = []
    for name, (text, kind, read) in per_sensor.items():
        lines += _metric(name, text, kind, [({"sensor": each}, read(health)) for each, health in sensors.items()])
    for name, text, kind, value in (
        ("spool_rows", "Measurements that wait.", "gauge", spool.rows),
        ("spool_bytes", "Bytes of the spool in use.", "gauge", spool.bytes),
        ("dropped_total", "Measurements dropped.", "counter", spool.dropped),
        ("dead_letters_total", "Measurements that the collector refused.", "counter", spool.dead_letters),
        ("batches_total", "Batches acknowledged since the start.", "counter", batches),
    ):
        lines += _metric(name, text, kind, [({}, value)])
    checks = list(checks)
    states = [
        (_labels(check) | {"state": state.value}, float(check.state is state))
        for check in checks
        for state in CheckState
    ]
    lines += _metric("check_state", "1 for the state that a self-check is in.", "gauge", states)
    figures = [
        (_labels(check) | {"figure": each.key, "unit": each.unit}, each.value)
        for check in checks
        for each in check.evidence
    ]
    lines += _metric("check_figure", "What a self-check was judged by.", "gauge", figures)
    return "\n".join(lines) + "\n"


def serve(port: int, read: Callable[[], str]) -> http.server.ThreadingHTTPServer | None:
    """Serve ``/metrics`` in a thread; a port that is taken is only warned of."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics":
                self.send_error(404, "the figures are at /metrics")
                return
            body = read().encode()
            self.send_response(200)
            self.send_header("Content-Type", _TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing: a scrape is no news."""

    try:
        server = http.server.ThreadingHTTPServer((_LOOPBACK, port), Handler)
    except OSError as error:
        log.warning("no metrics: port %d cannot be used: %s; set another [metrics] port", port, error.strerror)
        return None
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


def _metric(name: str, text: str, kind: str, samples: Iterable[Sample]) -> list[str]:
    lines = [f"# HELP {_PREFIX}{name} {text}", f"# TYPE {_PREFIX}{name} {kind}"]
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escape(label)}"' for key, label in labels.items())
        lines.append(f"{_PREFIX}{name}{f'{{{inside}}}' if inside else ''} {value:.10g}")
    return lines


def _labels(check: Check) -> dict[str, str]:
    return {"check": check.key, "sensor": check.sensor or ""}


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
