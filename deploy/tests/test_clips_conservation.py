"""Clips under kill -9: each that the agent had kept arrives once, byte for byte, whatever either side is doing."""

import hashlib
import io
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import soundfile
from demo_testing.plant import Plant
from pydantic import ValidationError

from audiosense_agent.clip_spool import FOLDER, ClipNote, read_clip_status
from audiosense_agent.sources.injection import Injection, inject
from deploy.demo.processes import wait_for

KILLS = 15
Rows = Sequence[tuple[Any, ...]]


class Watcher:
    """Sees each clip that stands whole in the agent's folder: from then on it is owed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.owed: dict[str, ClipNote] = {}

    def look(self) -> None:
        for path in self.folder.glob("*-*.json"):
            try:
                self.owed[path.stem] = ClipNote.model_validate_json(path.read_bytes())
            except (OSError, ValidationError):
                continue

    @contextmanager
    def looking(self) -> Iterator[None]:
        done = threading.Event()

        def run() -> None:
            while not done.wait(0.005):
                self.look()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def faults_come_and_go(plant: Plant, done: threading.Event, chance: random.Random) -> None:
    while not done.is_set():
        for machine in plant.machines:
            inject(plant.state, machine.sensor, Injection(fault="bearing_outer"))
            done.wait(chance.uniform(0.1, 0.4))
        done.wait(1.0)
        for machine in plant.machines:
            inject(plant.state, machine.sensor, None)
        done.wait(1.5)


def run_killed_at_random(plant: Plant, watcher: Watcher, chance: random.Random) -> tuple[Rows, Rows]:
    """Learn, let faults come and go while both sides are killed, then be quiet until every clip is sent.

    Returns the rows of clips and of events.
    """
    done = threading.Event()
    faults = threading.Thread(target=faults_come_and_go, args=(plant, done, chance))
    collector, agent = plant.collector(), None
    try:
        plant.enrol()
        agent = plant.agent()
        wait_for("each sensor has a model", plant.models_run, seconds=300, processes=[collector, agent])
        with watcher.looking():
            faults.start()
            for _ in range(KILLS):
                done.wait(chance.uniform(1.5, 4.0))
                plant.kill(agent)
                agent = plant.agent()
                done.wait(chance.uniform(1.0, 3.0))
                plant.kill(collector)
                collector = plant.collector()
            before = len(watcher.owed)
            wait_for(
                "clips flow again", lambda: len(watcher.owed) > before or None, seconds=60, processes=[collector, agent]
            )
            done.set()
            faults.join()
            for machine in plant.machines:
                inject(plant.state, machine.sensor, None)
            assert agent.stop() == 0
            agent = plant.agent()
            wait_for("all clips are there", lambda: sent(plant), seconds=120, processes=[collector, agent])
            assert agent.stop() == 0
        clips = "SELECT id::text, event_id::text, kind, sha256, bytes, frames, sample_rate_hz FROM clip"
        return plant.select(clips), plant.select("SELECT id::text FROM event")
    finally:
        done.set()
        if agent is not None:
            agent.stop()
        collector.stop()


def sent(plant: Plant) -> bool | None:
    return read_clip_status(plant.state / FOLDER).waiting == 0 or None


@pytest.mark.soak
def test_each_clip_that_was_kept_arrives_once_when_either_side_is_killed_at_random(tmp_path_factory):
    plant = Plant(tmp_path_factory.mktemp("plant"))
    with plant.configuration.open("a") as file:
        file.write("\n[clips]\nper_hour = 3600\n")
    watcher = Watcher(plant.state / FOLDER)
    rows, found = run_killed_at_random(plant, watcher, random.Random(20261125))
    events = {row[0] for row in found}
    assert plant.kills == {"agent": KILLS, "collector": KILLS}
    stored = {row[0]: row[3] for row in rows}
    assert len(stored) == len(rows)
    assert len([note for note in watcher.owed.values() if note.kind == "event"]) > KILLS
    assert len([row for row in rows if row[2] == "reference"]) >= len(plant.machines)
    assert {name: stored.get(name) for name in watcher.owed} == {n: note.sha256 for n, note in watcher.owed.items()}
    for name, event, kind, sha256, size, frames, rate in rows:
        content = (plant.folder / "collector" / "clips" / sha256[:2] / f"{sha256}.flac").read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (size, sha256)
        sound = soundfile.info(io.BytesIO(content))
        assert (sound.frames, sound.samplerate) == (frames, rate)
        assert (event == name and event in events) if kind == "event" else event is None
    assert read_clip_status(plant.state / FOLDER).dropped == 0
