"""The rules of analyses: how a recording is analysed for a sensor, and what is kept of it."""

import asyncio
import io
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from audiosense_collector.analyses.recording import Plan, RecordingAnalysis, ScoringModel, analyse, describe
from audiosense_collector.analyses.schemas import AnalysisOut
from audiosense_collector.analyses.tables import Analysis
from audiosense_collector.clock import now_us
from audiosense_collector.db.engine import Sessions
from audiosense_collector.errors import InvalidError, NotFoundError
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.models.tables import Model
from audiosense_common.audio import Finding
from audiosense_common.bundle import MODEL, Manifest
from audiosense_common.errors import AudioError, ChannelError
from audiosense_common.features import column
from audiosense_common.reasons import Explainer

_decoders = ThreadPoolExecutor(max_workers=2, thread_name_prefix="analysis")
"""Few at a time: each recording may take 256 MiB, and as much again while it is joined or resampled."""


async def analyse_file(file: BinaryIO, filename: str, plan: Plan) -> RecordingAnalysis:
    """Analyse in a thread; a few at a time, so that memory stays bounded.

    Raises:
        InvalidError: the file cannot be used or lacks the channel; names the field, ``file`` or ``channel``.
    """
    try:
        return await asyncio.get_running_loop().run_in_executor(_decoders, analyse, file, filename, plan)
    except ChannelError as error:
        raise InvalidError(str(error), loc="channel") from None
    except AudioError as error:
        raise InvalidError(str(error), loc="file") from None


async def create_analysis(
    sessions: Sessions, file: BinaryIO, filename: str, *, sensor_id: UUID | None, channel: int
) -> AnalysisOut:
    """Analyse a recording, with the sensor's window, sample rate and model if one is named, and store the result.

    No connection of the pool is held while the recording is decoded.

    Raises:
        InvalidError: the file cannot be used or is shorter than the sensor's window, or there is no such sensor; names
            the field.
    """
    async with sessions.begin() as session:
        plan, notes = await _plan(session, sensor_id, channel)
    analysis = await analyse_file(file, filename, plan)
    analysis.findings.extend(notes)
    result = describe(analysis)
    row = Analysis(id=uuid4(), created=now_us(), filename=filename, sensor_id=sensor_id, result=result)
    async with sessions.begin() as session:
        session.add(row)
    return _out(row)


async def read_analysis(session: AsyncSession, analysis_id: UUID) -> AnalysisOut:
    """Return a stored analysis.

    Raises:
        NotFoundError: there is none of this id.
    """
    row = await session.get(Analysis, analysis_id)
    if row is None:
        raise NotFoundError(f"there is no analysis {analysis_id}; analyse the recording again")
    return _out(row)


def _out(row: Analysis) -> AnalysisOut:
    return AnalysisOut(id=row.id, created_us=row.created, filename=row.filename, sensor_id=row.sensor_id, **row.result)


async def _plan(session: AsyncSession, sensor_id: UUID | None, channel: int) -> tuple[Plan, list[Finding]]:
    if sensor_id is None:
        return Plan(channel=channel), []
    sensor = await session.get(Sensor, sensor_id)
    if sensor is None:
        raise InvalidError(f"there is no sensor {sensor_id}; name one of the fleet's, or none", loc="sensor")
    digest = sensor.running_digest or sensor.desired_digest
    model = await _model(session, digest) if digest else None
    plan = Plan(
        channel=channel,
        window_s=sensor.window_s,
        sample_rate_hz=sensor.sample_rate_hz,
        schema_id=sensor.schema_id,
        model=model,
        sensor=sensor.name,
    )
    notes = [] if model else [Finding("no-model", f"sensor {sensor.name} has no model yet: nothing was scored")]
    return plan, notes


async def _model(session: AsyncSession, digest: str) -> ScoringModel | None:
    query = select(Model).where(Model.digest == digest).options(undefer(Model.bundle))
    row = (await session.scalars(query)).one_or_none()
    if row is None:
        return None
    manifest = Manifest.model_validate(row.manifest)
    return ScoringModel(
        digest=digest,
        onnx=_graph(row.bundle),
        columns=tuple(column(manifest.schema_id, need.name) for need in manifest.features),
        threshold=manifest.threshold.value,
        explainer=Explainer.of(manifest, manifest.schema_id),
    )


def _graph(bundle: bytes) -> bytes:
    """Take the graph out of a bundle that this collector made itself."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return archive.read(MODEL)
