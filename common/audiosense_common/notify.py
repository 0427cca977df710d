"""Tells systemd that a process is ready, alive or stopping (sd_notify); does nothing elsewhere."""

import contextlib
import os
import socket


def notify(state: str) -> None:
    """Send a state such as ``READY=1`` to the socket that systemd named."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.connect(address)
        link.sendall(state.encode())
