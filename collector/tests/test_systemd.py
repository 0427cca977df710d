"""What systemd hands over and is told."""

import asyncio
import socket

import pytest

from audiosense_collector.errors import SettingsError
from audiosense_collector.settings import Settings
from audiosense_collector.systemd import supervised


def test_the_databases_address_may_come_as_a_credential(tmp_path, monkeypatch):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    assert Settings.load().database_url is None
    file = tmp_path / "audiosense.database-url"
    file.write_text("postgresql://me:secret@db/audiosense\n")
    assert Settings.load().database_url == "postgresql+psycopg://me:secret@db/audiosense"
    monkeypatch.setenv("DATABASE_URL", "postgresql://other/audiosense")
    assert Settings.load().database_url == "postgresql+psycopg://other/audiosense", "what is said aloud wins"
    monkeypatch.delenv("DATABASE_URL")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="database-url cannot be read"):
        Settings.load()
    file.write_text("mysql://me:secret@db/x")
    with pytest.raises(SettingsError, match="DATABASE_URL cannot be used"):
        Settings.load()


async def test_systemd_hears_ready_signs_of_life_and_the_end(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "30000")
        async with supervised():
            heard = [await asyncio.to_thread(systemd.recv, 100) for _ in range(3)]
        while heard[-1] != b"STOPPING=1":
            heard.append(systemd.recv(100))
    assert heard[0] == b"READY=1"
    assert set(heard[1:-1]) == {b"WATCHDOG=1"}
