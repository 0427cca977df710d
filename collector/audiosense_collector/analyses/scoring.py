"""Scoring a stored analysis with models of sensors: which of them can judge it, and what they say."""

import io
import zipfile
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from audiosense_collector.analyses.recording import ScoringModel
from audiosense_collector.analyses.schemas import AnalysisModel, Refusal, SensorScore
from audiosense_collector.analyses.tables import Analysis
from audiosense_collector.machines.tables import Machine, Sensor
from audiosense_collector.models.tables import Model
from audiosense_common.bundle import MODEL, Manifest
from audiosense_common.features import column, schema
from audiosense_common.reasons import Explainer

MOST_EXPLAINED = 20
"""Windows whose reasons are told for each sensor: those with the highest scores."""


async def load_model(session: AsyncSession, sensor: Sensor, schema_id: str) -> ScoringModel | None:
    """Return the model that a sensor runs, or is to run, for features of a schema.

    None if it has no model, or the schema lacks a feature that the model needs.
    """
    digest = sensor.running_digest or sensor.desired_digest
    if digest is None:
        return None
    query = select(Model).where(Model.digest == digest).options(undefer(Model.bundle))
    row = (await session.scalars(query)).one_or_none()
    if row is None:
        return None
    manifest = Manifest.model_validate(row.manifest)
    if not {need.name for need in manifest.features} <= set(schema(schema_id)):
        return None
    return ScoringModel(
        digest=digest,
        onnx=_graph(row.bundle),
        columns=tuple(column(schema_id, need.name) for need in manifest.features),
        threshold=manifest.threshold.value,
        explainer=Explainer.of(manifest, schema_id),
    )


async def find_able(session: AsyncSession, result: dict[str, Any], most: int) -> tuple[list[UUID], int]:
    """Return sensors whose models can judge an analysis, by machine and name, and how many more there are."""
    able = (
        or_(Sensor.running_digest.is_not(None), Sensor.desired_digest.is_not(None)),
        Sensor.sample_rate_hz == result["sample_rate_hz"],
        Sensor.window_s == result["window_s"],
    )
    query = select(Sensor.id).join(Machine).where(*able).order_by(Machine.name, Sensor.name, Sensor.id).limit(most)
    found = list(await session.scalars(query))
    total = int(await session.scalar(select(func.count()).select_from(Sensor).where(*able)) or 0)
    return found, total - len(found)


def stored_matrix(row: Analysis) -> NDArray[np.float16]:
    """Return the features (windows, features) of an analysis whose columns are loaded.

    Of releases that kept them as text alone they are exact to 0.001 only.
    """
    windows = len(row.result["start_s"])
    if row.matrix is None:
        return np.array(row.result["features"]["values"], np.float16).reshape(windows, -1)
    return np.frombuffer(row.matrix, "<f2").reshape(windows, -1)


def refusal(result: dict[str, Any], sensor: Sensor, model: ScoringModel | None) -> Refusal | None:
    """Return why a sensor's model cannot judge an analysis, None if it can.

    Features are defined by sample rate and length of their window: of others a model has never heard.
    """
    if sensor.running_digest is None and sensor.desired_digest is None:
        return Refusal.NO_MODEL
    if sensor.sample_rate_hz != result["sample_rate_hz"]:
        return Refusal.RATE
    if sensor.window_s != result["window_s"]:
        return Refusal.WINDOW
    if result["format"]["duration_s"] < result["window_s"]:
        return Refusal.SHORT
    return Refusal.FEATURES if model is None else None


def judge(matrix: NDArray[np.float16], model: ScoringModel) -> dict[str, Any]:
    """Score each window, and tell the reasons of the strangest anomalous ones; fields of ``schemas.SensorScore``."""
    scores = model.score(matrix)
    strangest = np.argsort(-scores, kind="stable")[:MOST_EXPLAINED]
    told = {int(index) for index in strangest if scores[index] >= model.threshold}
    return {
        "model": AnalysisModel(digest=model.digest, threshold=model.threshold),
        "score": scores.astype(np.float64).round(6).tolist(),
        "anomalous": (scores >= model.threshold).tolist(),
        "median": round(float(np.median(scores)), 6),
        "reasons": [model.explain(vector) if index in told else None for index, vector in enumerate(matrix)],
    }


def describe_sensor(sensor: Sensor, machine: Machine, refused: Refusal | None, judged: dict[str, Any]) -> SensorScore:
    """Return what a sensor's model says of an analysis, or why it says nothing."""
    return SensorScore(
        sensor_id=sensor.id,
        sensor=sensor.name,
        machine_id=machine.id,
        machine=machine.name,
        sample_rate_hz=sensor.sample_rate_hz,
        window_s=sensor.window_s,
        refused=refused,
        **judged,
    )


def _graph(bundle: bytes) -> bytes:
    """Take the graph out of a bundle that this collector made itself."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return archive.read(MODEL)
