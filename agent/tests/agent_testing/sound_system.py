"""A sound system of real PortAudio devices, made of ALSA's ``file`` pcm, that can be plugged in, pulled and hung."""

import fcntl
import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from audiosense_agent.errors import SourceError
from audiosense_agent.sources.devices import portaudio

SYSTEM = Path("/usr/share/alsa/alsa.conf")
_BLOCK_S = 0.05
_PIPE_BYTES = 16_384
"""Little, so that a device that was not listened to has no old sound to give."""


def has_portaudio():
    try:
        portaudio()
    except SourceError:
        return False
    return SYSTEM.exists()


needs_portaudio = pytest.mark.skipif(not has_portaudio(), reason="needs libportaudio2 and libasound2-data")


class Device:
    """A microphone that hears ``render(first_frame, count)``, (count, channels), in real time, through a pipe."""

    def __init__(self, path, rate, render):
        self.path = path
        self._rate = rate
        self._render = render
        self._hanging = threading.Event()
        self._stop = threading.Event()
        os.mkfifo(path)
        self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()

    def hang(self):
        self._hanging.set()

    def pull(self):
        self._stop.set()
        self._thread.join()
        os.close(self._pipe)

    def _play(self):
        frames, began, count = 0, time.monotonic(), round(_BLOCK_S * self._rate)
        while not self._stop.wait(max(0.0, began + frames / self._rate - time.monotonic())):
            frames += count
            if not self._hanging.is_set():
                try:
                    os.write(self._pipe, self._render(frames - count, count).astype("<f4").tobytes())
                except BlockingIOError:
                    continue


@dataclass
class _Flood:
    path: Path

    def pull(self):
        self.path.unlink()


class SoundSystem:
    """``environment`` is what a process needs to see its devices."""

    def __init__(self, folder):
        self._config = folder / "asound.conf"
        self._folder = folder
        self._plugged = {}
        self._files = 0
        self.environment = os.environ | {
            "ALSA_CONFIG_PATH": str(self._config),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        self._write()

    def plug(self, name, rate, render):
        self._files += 1
        device = Device(self._folder / f"sound{self._files}.pipe", rate, render)
        self._plugged[name] = device
        self._write()
        return device

    def flood(self, name, path, seconds):
        """Plug in a device that gives a file's sound as fast as it is asked for."""
        tones(16_000, 440)(0, seconds * 16_000).astype("<f4").tofile(path)
        self._plugged[name] = _Flood(path)
        self._write()

    def pull(self, name):
        device = self._plugged.pop(name)
        self._write()
        device.pull()

    def close(self):
        for name in list(self._plugged):
            self.pull(name)

    def _write(self):
        text = SYSTEM.read_text()
        for name, device in self._plugged.items():
            text += (
                f"pcm.{name} {{ type file slave.pcm null file /dev/null "
                f'infile "{device.path}" format raw hint {{ show on description "{name}" }} }}\n'
            )
        staged = self._config.with_suffix(".new")
        staged.write_text(text)
        staged.replace(self._config)


def tones(rate, *hertz):
    """Render a tone in each channel, -9 dBFS RMS, over a little noise."""
    random = np.random.default_rng(1)

    def render(first, count):
        time_s = (first + np.arange(count))[:, np.newaxis] / rate
        wave = 0.5 * np.sin(2 * np.pi * time_s * np.array(hertz))
        return wave + 0.001 * random.standard_normal((count, len(hertz)))

    return render
