"""The rules of analyses: how a recording is analysed for a sensor, what is kept of it, and who may delete it."""

import base64
import contextlib
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from audiosense_collector import paging
from audiosense_collector.analyses import picture, scoring
from audiosense_collector.analyses.recording import Plan, RecordingAnalysis, analyse, describe
from audiosense_collector.analyses.schemas import (
    MOST_SENSORS,
    AnalysisBrief,
    AnalysisOut,
    AnalysisPage,
    AnalysisScores,
    AnalysisSensor,
    AnalysisSpectrogram,
    SensorScore,
)
from audiosense_collector.analyses.tables import Analysis
from audiosense_collector.auth.principal import Principal
from audiosense_collector.auth.roles import Role
from audiosense_collector.clock import now_us
from audiosense_collector.db.base import MicrosecondTime
from audiosense_collector.errors import ForbiddenError, InvalidError, NotFoundError
from audiosense_collector.machines.tables import Machine, Sensor
from audiosense_collector.runtime import Runtime
from audiosense_common.audio import Finding
from audiosense_common.errors import AudioError, ChannelError


class Decoded(NamedTuple):
    """What a browser decoded before it sent it as WAV: from which format, and its own rate in Hz where it is known."""

    container: str
    rate_hz: int | None


async def analyse_file(runtime: Runtime, file: BinaryIO, filename: str, plan: Plan) -> RecordingAnalysis:
    """Analyse in a thread; a few at a time, so that memory stays bounded.

    Raises:
        InvalidError: the file cannot be used or lacks the channel; names the field, ``file`` or ``channel``.
        UnavailableError: too many are analysed.
    """
    with _naming_fields():
        return await runtime.recordings.do(analyse, file, filename, plan)


async def create_analysis(
    runtime: Runtime,
    caller: Principal,
    file: BinaryIO,
    filename: str,
    *,
    sensor_id: UUID | None,
    channel: int,
    decoded: Decoded | None = None,
) -> AnalysisOut:
    """Analyse a recording, with the sensor's window, sample rate and model if one is named, and store the result.

    No connection of the pool is held while the recording is decoded.

    Raises:
        InvalidError: the file cannot be used or is shorter than the sensor's window, or there is no such sensor; names
            the field.
        UnavailableError: too many are analysed.
    """
    async with runtime.sessions.begin() as session:
        plan, notes = await _plan(session, sensor_id, channel)
    with _naming_fields():
        row = await runtime.recordings.do(_work, file, filename, plan, notes, decoded)
    row.sensor_id, row.author = sensor_id, caller.actor
    async with runtime.sessions.begin() as session:
        session.add(row)
        await session.flush()
        return await _out(session, caller, row)


async def read_analysis(session: AsyncSession, caller: Principal, analysis_id: UUID) -> AnalysisOut:
    """Return a stored analysis.

    Raises:
        NotFoundError: there is none of this id.
    """
    row = await _get(session, analysis_id, Analysis.result, Analysis.picture_scale)
    return await _out(session, caller, row)


async def read_spectrogram(session: AsyncSession, analysis_id: UUID) -> AnalysisSpectrogram:
    """Return the picture of an analysis.

    Raises:
        NotFoundError: there is no analysis of this id, or it is of a release that made no picture.
    """
    row = await _get(session, analysis_id, Analysis.picture, Analysis.picture_scale)
    if row.picture is None or row.picture_scale is None:
        raise NotFoundError(f"analysis {analysis_id} has no spectrogram; analyse the recording again")
    return AnalysisSpectrogram(**row.picture_scale, data=base64.b64encode(row.picture).decode())


async def list_analyses(
    session: AsyncSession, caller: Principal, *, sensor: UUID | None, limit: int, before: str | None
) -> AnalysisPage:
    """Return a page of analyses, the newest first.

    Raises:
        InvalidError: ``before`` is not a ``next`` of another page.
    """
    query = (
        select(Analysis, Analysis.brief, Sensor, Machine)
        .outerjoin(Sensor, Sensor.id == Analysis.sensor_id)
        .outerjoin(Machine, Machine.id == Sensor.machine_id)
        .order_by(Analysis.created.desc(), Analysis.id.desc())
        .limit(limit + 1)
    )
    if sensor is not None:
        query = query.where(Analysis.sensor_id == sensor)
    if before is not None:
        created, analysis_id = paging.decode(before, (int, UUID))
        place = tuple_(literal(created, MicrosecondTime()), analysis_id)
        query = query.where(tuple_(Analysis.created, Analysis.id) < place)
    rows = (await session.execute(query)).all()
    old = await _old_briefs(session, [row.id for row, brief, *_ in rows[:limit] if brief is None])
    items = [
        AnalysisBrief(
            id=row.id,
            created_us=row.created,
            filename=row.filename,
            sensor=_sensor(heard, machine),
            author=row.author,
            yours=_may_delete(row, caller),
            **(brief or old[row.id]),
        )
        for row, brief, heard, machine in rows[:limit]
    ]
    more = len(rows) > limit
    return AnalysisPage(items=items, next=paging.encode(items[-1].created_us, items[-1].id) if more else None)


async def delete_analysis(session: AsyncSession, caller: Principal, analysis_id: UUID) -> None:
    """Delete an analysis with all that is kept of it.

    Raises:
        NotFoundError: there is none of this id.
        ForbiddenError: somebody else made it.
    """
    row = await _get(session, analysis_id)
    if not _may_delete(row, caller):
        maker = row.author or "somebody whom this release does not know"
        raise ForbiddenError(f"the analysis was made by {maker}; ask an administrator to delete it", kind="not_yours")
    await session.delete(row)


async def score_analysis(runtime: Runtime, analysis_id: UUID, sensors: list[UUID] | None) -> AnalysisScores:
    """Score the stored features with the models of sensors, or with all that can judge them; nothing is kept of it.

    Raises:
        NotFoundError: there is no analysis of this id.
        InvalidError: there is no sensor of an id; names the field.
        UnavailableError: too many recordings are analysed.
    """
    async with runtime.sessions() as session:
        row = await _get(session, analysis_id, Analysis.result, Analysis.matrix)
        left_out = 0
        if not sensors:
            sensors, left_out = await scoring.find_able(session, row.result, MOST_SENSORS)
    async with runtime.recordings.place():
        items = [await _score(runtime, row, sensor_id) for sensor_id in dict.fromkeys(sensors)]
    return AnalysisScores(items=items, left_out=left_out)


async def _score(runtime: Runtime, row: Analysis, sensor_id: UUID) -> SensorScore:
    """Score with one sensor's model: fifty bundles at once are many megabytes."""
    async with runtime.sessions() as session:
        sensor, machine = await _find(session, sensor_id)
        model = await scoring.load_model(session, sensor, row.result["features"]["schema_id"])
    refused = scoring.refusal(row.result, sensor, model)
    judged: dict[str, Any] = {}
    if refused is None and model is not None:
        with _naming_fields():
            judged = await runtime.recordings.run(scoring.judge, scoring.stored_matrix(row), model)
    return scoring.describe_sensor(sensor, machine, refused, judged)


@contextlib.contextmanager
def _naming_fields() -> Iterator[None]:
    try:
        yield
    except ChannelError as error:
        raise InvalidError(str(error), loc="channel", kind=error.kind) from None
    except AudioError as error:
        raise InvalidError(str(error), loc="file", kind=error.kind) from None


def _work(file: BinaryIO, filename: str, plan: Plan, notes: list[Finding], decoded: Decoded | None) -> Analysis:
    """Analyse and draw, and return what is stored."""
    analysis = analyse(file, filename, plan)
    if decoded is not None:
        analysis.findings.insert(0, _told(filename, decoded, analysis.recording.sample_rate_hz))
    analysis.findings.extend(notes)
    drawn = picture.draw(analysis.samples, analysis.sample_rate_hz)
    result = describe(analysis)
    return Analysis(
        id=uuid4(),
        created=now_us(),
        filename=filename,
        result=result,
        matrix=analysis.matrix.astype("<f2").tobytes(),
        picture=drawn.levels.tobytes(),
        picture_scale=drawn.scale(analysis.sample_rate_hz),
        brief=_brief(result),
    )


def _told(filename: str, decoded: Decoded, rate_hz: int) -> Finding:
    """Return what a user should know of a recording that came through a browser's decoder."""
    what = f"{filename} is {decoded.container}, which the browser decoded"
    if decoded.rate_hz == rate_hz:
        return Finding("decoded", f"{what} at its own {rate_hz} Hz")
    own = "unknown" if decoded.rate_hz is None else f"{decoded.rate_hz} Hz"
    return Finding("decoded-resampled", f"{what} at {rate_hz} Hz; its own rate is {own}")


def _brief(result: dict[str, Any]) -> dict[str, Any]:
    """Return what lists show of a result; see ``schemas.AnalysisBrief``."""
    scores, model = result["score"], result["model"]
    return {
        "duration_s": result["format"]["duration_s"],
        "windows": len(result["start_s"]),
        "anomalous": None if scores is None else sum(result["anomalous"]),
        "highest": None if scores is None else max(scores),
        "threshold": None if model is None else model["threshold"],
        "warnings": [warning["code"] for warning in result["warnings"]],
    }


async def _old_briefs(session: AsyncSession, ids: list[UUID]) -> dict[UUID, dict[str, Any]]:
    """Return what lists show of analyses of releases that did not keep it apart; their features are not read."""
    names = ("format", "start_s", "score", "anomalous", "model", "warnings")
    query = select(Analysis.id, *(Analysis.result[name].label(name) for name in names)).where(Analysis.id.in_(ids))
    return {row["id"]: _brief(dict(row)) for row in (await session.execute(query)).mappings()} if ids else {}


async def _get(session: AsyncSession, analysis_id: UUID, *columns: Any) -> Analysis:
    """Return an analysis with some of its large columns."""
    row = await session.get(Analysis, analysis_id, options=[undefer(column) for column in columns])
    if row is None:
        raise NotFoundError(f"there is no analysis {analysis_id}; it was deleted, or is too old to be kept")
    return row


async def _find(session: AsyncSession, sensor_id: UUID) -> tuple[Sensor, Machine]:
    found = (await session.execute(select(Sensor, Machine).join(Machine).where(Sensor.id == sensor_id))).one_or_none()
    if found is None:
        raise InvalidError(f"there is no sensor {sensor_id}; name one of the fleet's", loc="sensor")
    return found[0], found[1]


async def _out(session: AsyncSession, caller: Principal, row: Analysis) -> AnalysisOut:
    sensor = None if row.sensor_id is None else _sensor(*await _find(session, row.sensor_id))
    return AnalysisOut(
        id=row.id,
        created_us=row.created,
        filename=row.filename,
        sensor_id=row.sensor_id,
        sensor=sensor,
        author=row.author,
        yours=_may_delete(row, caller),
        has_spectrogram=row.picture_scale is not None,
        **row.result,
    )


def _sensor(sensor: Sensor | None, machine: Machine | None) -> AnalysisSensor | None:
    if sensor is None or machine is None:
        return None
    return AnalysisSensor(id=sensor.id, name=sensor.name, machine_id=machine.id, machine=machine.name)


def _may_delete(row: Analysis, caller: Principal) -> bool:
    role = Role(caller.role)
    return role.covers(Role.ADMINISTRATOR) or (role.covers(Role.OPERATOR) and row.author == caller.actor)


async def _plan(session: AsyncSession, sensor_id: UUID | None, channel: int) -> tuple[Plan, list[Finding]]:
    if sensor_id is None:
        return Plan(channel=channel), []
    sensor = await session.get(Sensor, sensor_id)
    if sensor is None:
        raise InvalidError(f"there is no sensor {sensor_id}; name one of the fleet's, or none", loc="sensor")
    model = await scoring.load_model(session, sensor, sensor.schema_id)
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
