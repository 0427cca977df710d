"""Models for ``benchmarks.dashboard``: one that runs on each sensor, with the manifest that training gives."""

import io
import json
import tempfile
import zipfile
from pathlib import Path

import psycopg
from psycopg.types.json import Jsonb

from audiosense_collector.training.process import train
from audiosense_common.synth import SyntheticMachine
from benchmarks.training import RATE_HZ, SAMPLES, SOUNDED, make_baseline, make_order, make_probes

WINDOWS = 1_000
_MODELS = """
INSERT INTO model (digest, sensor_id, version, created, manifest, bundle)
SELECT encode(sha256(uuid_send(s.id)), 'hex'), s.id, 1, now() - random() * interval '30 days', %(manifest)s, ''
FROM sensor s
"""
_RUNS = """
INSERT INTO model_run (sensor_id, began, digest, agent_id)
SELECT m.sensor_id, m.created, m.digest, s.agent_id FROM model m JOIN sensor s ON s.id = m.sensor_id
"""
_RUNNING = """
UPDATE sensor s SET running_digest = m.digest, desired_digest = m.digest, running_state = 'committed'
FROM model m WHERE m.sensor_id = s.id
"""


def add_models(connection: psycopg.Connection) -> None:
    """Give each sensor a model, as if trained within the last month."""
    connection.execute(_MODELS, {"manifest": Jsonb(_manifest())})
    connection.execute(_RUNS)
    connection.execute(_RUNNING)


def _manifest() -> dict[str, object]:
    sound = SyntheticMachine("gearbox", RATE_HZ, seed=3).render(SAMPLES * SOUNDED).reshape(SOUNDED, SAMPLES)
    with tempfile.TemporaryDirectory() as folder:
        order = make_order(Path(folder), make_baseline(sound, WINDOWS), make_probes(sound, WINDOWS), "ensemble")
        packed = train(order).packed
    with zipfile.ZipFile(io.BytesIO(packed)) as bundle:
        return json.loads(bundle.read("manifest.json"))  # type: ignore[no-any-return]
