"""Answers that do not arrive whole, in time, or from a collector: each is played over the open connection."""

import email.utils
import socket
import struct
import time

SLOW_S = 1.0
LATER_S = 90


def reset(handler, content):
    """Half of the answer, then the connection is reset."""
    _begin(handler, len(content))
    handler.wfile.write(content[: len(content) // 2])
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def cut_short(handler, content):
    """The answer ends before the length that its head names."""
    _begin(handler, len(content))
    handler.wfile.write(content[:-20])
    handler.close_connection = True


def cut_unnoticed(handler, content):
    """The answer ends early, and its head names the length that came: a proxy has cut it."""
    _begin(handler, len(content) - 20)
    handler.wfile.write(content[:-20])


def slow(handler, content):
    """The whole answer, later than anybody waits."""
    time.sleep(SLOW_S)
    _begin(handler, len(content))
    handler.wfile.write(content)


def portal(handler, _content):
    """A captive portal answers in the collector's place."""
    _write(handler, 200, b"<html>please log in</html>", {"Content-Type": "text/html"})


def login_page(handler, _content):
    """A captive portal sends to its login page."""
    handler.send_response(302)
    handler.send_header("Location", "https://portal.invalid/login")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def foreign_json(handler, _content):
    """Somebody else's interface is glad to have been asked."""
    _write(handler, 200, b'{"status": "ok", "server_time_us": "now"}', {})


def put_off_by_date(handler, _content):
    """Too many requests until a date."""
    date = email.utils.formatdate(time.time() + LATER_S, usegmt=True)
    _write(handler, 429, b"{}", {"Retry-After": date})


def put_off_by_seconds(handler, _content):
    """Not now."""
    _write(handler, 503, b"{}", {"Retry-After": str(LATER_S)})


AFTER_COMMIT = {each.__name__: each for each in (reset, cut_short, cut_unnoticed, slow)}
"""The batch was stored: only its answer is lost."""
INSTEAD = {each.__name__: each for each in (portal, login_page, foreign_json, put_off_by_date, put_off_by_seconds)}
"""The batch has reached nobody."""


def _begin(handler, length):
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(length))
    handler.end_headers()


def _write(handler, code, content, headers):
    handler.send_response(code)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)
