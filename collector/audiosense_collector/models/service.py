"""The rules of models: storing, offering, pushing."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import Select, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from audiosense_collector import paging
from audiosense_collector.clock import DAY_US, now_us
from audiosense_collector.db.base import MicrosecondTime
from audiosense_collector.detectability import store as probes
from audiosense_collector.detectability.tables import DetectabilityRow
from audiosense_collector.errors import NotFoundError
from audiosense_collector.ingest.tables import ModelDigest
from audiosense_collector.live import notify
from audiosense_collector.machines.running import running_settings
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.models.runs import read_runs
from audiosense_collector.models.schemas import (
    BaselineSummary,
    ModelPage,
    ModelRunOut,
    ModelState,
    ModelSummary,
    ThresholdSummary,
)
from audiosense_collector.models.tables import Model, ModelRun
from audiosense_collector.signing import SigningKey
from audiosense_collector.training.running import apply
from audiosense_common.bundle import Bundle, Manifest, Running, open_bundle, sign_bundle
from audiosense_common.wire import DesiredModel

INSTALL_WITHIN_US = 30 * DAY_US


async def store(
    session: AsyncSession,
    bundle: Bundle,
    packed: bytes,
    *,
    reference_bins: bytes | None = None,
    pushed_from: str | None = None,
) -> Model:
    """Keep a bundle and, unless a newer one was made meanwhile, offer it to the sensor's agent."""
    manifest = bundle.manifest
    model = Model(
        digest=bundle.digest,
        sensor_id=manifest.sensor,
        version=manifest.bundle_version,
        created=manifest.created_us,
        pushed_from=pushed_from,
        manifest=manifest.model_dump(mode="json"),
        bundle=packed,
        reference_bins=reference_bins,
    )
    session.add(model)
    await session.flush()
    known = insert(ModelDigest).values(digest=bundle.digest, threshold=manifest.threshold.value)
    await session.execute(
        known.on_conflict_do_update(index_elements=[ModelDigest.digest], set_={"threshold": known.excluded.threshold})
    )
    newest = await session.scalar(select(func.max(Model.version)).where(Model.sensor_id == manifest.sensor))
    if newest == model.version:
        await _offer(session, model)
    return model


async def push(session: AsyncSession, key: SigningKey, digest: str) -> ModelSummary:
    """Make a model the one that its sensor's agent is to run.

    Agents take no bundle with a lower version than they have, so an older one, or one past its date, is signed again
    with the same content, but for what was set meanwhile, as the newest.

    Raises:
        NotFoundError: no such model.
    """
    loaded = [undefer(Model.bundle), undefer(Model.reference_bins)]
    model = await session.get(Model, digest, options=loaded, populate_existing=True)
    if model is None:
        raise NotFoundError(f"there is no model {digest}; `audiosense-collector models` lists them")
    sensor = await session.get(Sensor, model.sensor_id, with_for_update=True)
    assert sensor is not None
    newest = await session.scalar(select(func.max(Model.version)).where(Model.sensor_id == model.sensor_id))
    now = now_us()
    if model.version == newest and model.manifest["install_before_us"] > now and _is_as_set(model, sensor):
        await _offer(session, model)
    else:
        sensor.bundle_version += 1
        bundle = _sign_again(model, key, sensor, now)
        origin = model.pushed_from or digest
        model = await store(session, bundle, bundle.pack(), reference_bins=model.reference_bins, pushed_from=origin)
    return summarise(model, sensor)


async def apply_settings(session: AsyncSession, key: SigningKey, sensor: Sensor) -> None:
    """Sign the model that a sensor is to run again where it is not as was set for the sensor; flush first."""
    model = None if sensor.desired_digest is None else await session.get(Model, sensor.desired_digest)
    if model is not None and not _is_as_set(model, sensor):
        await push(session, key, model.digest)


def _running(model: Model) -> Running:
    return Running.model_validate(model.manifest.get("running", {}))


def _is_as_set(model: Model, sensor: Sensor) -> bool:
    running = _running(model)
    return (model.manifest["running_level_dbfs"], running) == apply(running, running_settings(sensor))


def sign_anew(unsigned: Bundle, key: SigningKey) -> Bundle:
    """Sign a bundle that was trained where the key is not; all else stays as it is."""
    manifest = Manifest.model_validate(unsigned.manifest.model_dump() | {"signing_key": key.key_id})
    return sign_bundle(manifest, unsigned.model, unsigned.golden, key.private)


def _sign_again(model: Model, key: SigningKey, sensor: Sensor, now: int) -> Bundle:
    trusted = key.public_keys()
    old = open_bundle(model.bundle, trusted)
    level, running = apply(old.manifest.running, running_settings(sensor))
    changes = {
        "running_level_dbfs": level,
        "running": running,
        "bundle_version": sensor.bundle_version,
        "created_us": now,
        "install_before_us": now + INSTALL_WITHIN_US,
        "signing_key": key.key_id,
    }
    manifest = Manifest.model_validate(old.manifest.model_dump() | changes)
    return sign_bundle(manifest, old.model, old.golden, key.private)


async def _offer(session: AsyncSession, model: Model) -> None:
    sensor = await session.get(Sensor, model.sensor_id, with_for_update=True)
    assert sensor is not None
    sensor.desired_digest = model.digest
    await session.flush()
    await notify.model(session, sensor.id, model.digest, "offered")


async def desired(session: AsyncSession, sensors: list[Sensor]) -> dict[UUID, DesiredModel]:
    """Return what the agents of some sensors should run."""
    digests = {sensor.desired_digest: sensor.id for sensor in sensors if sensor.desired_digest}
    if not digests:
        return {}
    rows = await session.execute(select(Model.digest, Model.version).where(Model.digest.in_(digests)))
    return {digests[digest]: DesiredModel(digest=digest, version=version) for digest, version in rows}


async def read_bundle(session: AsyncSession, agent_id: UUID, digest: str) -> bytes:
    """Return a bundle for one of an agent's own sensors.

    Raises:
        NotFoundError: no such bundle, or one of another agent's sensor.
    """
    content = await session.scalar(
        select(Model.bundle)
        .join(Sensor, Sensor.id == Model.sensor_id)
        .where(Model.digest == digest, Sensor.agent_id == agent_id)
    )
    if content is None:
        raise NotFoundError(f"there is no bundle {digest} for this agent")
    return content


async def list_models(session: AsyncSession, sensor_id: UUID | None = None) -> list[ModelSummary]:
    """Return the models of a sensor, or all, the newest first."""
    return await summaries(session, _models(sensor_id))


async def page_models(session: AsyncSession, sensor_id: UUID | None, *, limit: int, before: str | None) -> ModelPage:
    """Return a page of the models of a sensor, or of all, the newest first.

    Raises:
        InvalidError: ``before`` is not a ``next`` of another page.
    """
    query = _models(sensor_id).limit(limit + 1)
    if before is not None:
        created, digest = paging.decode(before, (int, str))
        query = query.where(tuple_(Model.created, Model.digest) < tuple_(literal(created, MicrosecondTime()), digest))
    found = await summaries(session, query)
    items = found[:limit]
    more = len(found) > limit
    return ModelPage(items=items, next=paging.encode(items[-1].created_us, items[-1].digest) if more else None)


def _models(sensor_id: UUID | None) -> Select[Model, Sensor]:
    query = select(Model, Sensor).join(Sensor, Sensor.id == Model.sensor_id)
    query = query.order_by(Model.created.desc(), Model.digest.desc())
    return query if sensor_id is None else query.where(Model.sensor_id == sensor_id)


async def summaries(session: AsyncSession, query: Select[Model, Sensor]) -> list[ModelSummary]:
    """Describe the models that a query gives with their sensors."""
    rows = [(model, sensor) for model, sensor in (await session.execute(query))]
    reports = await probes.read_reports(session, [model for model, _ in rows])
    runs = await read_runs(session, [model.digest for model, _ in rows]) if rows else {}
    return [summarise(model, sensor, reports.get(model.digest), runs.get(model.digest, ())) for model, sensor in rows]


def summarise(
    model: Model, sensor: Sensor, heard: DetectabilityRow | None = None, runs: Iterable[ModelRun] = ()
) -> ModelSummary:
    """Describe a model, how its sensor's agent stands to it, what it hears of probes, and when it ran."""
    manifest = model.manifest
    running = _running(model)
    state = _state(model.digest, sensor)
    return ModelSummary(
        digest=model.digest,
        version=model.version,
        sensor_id=model.sensor_id,
        detector=manifest["detector"],
        created_us=model.created,
        baseline=BaselineSummary.model_validate(manifest["baseline"]),
        threshold=ThresholdSummary.model_validate(manifest["threshold"]),
        running_level_dbfs=manifest["running_level_dbfs"],
        learned_running_level_dbfs=running.learned_dbfs,
        settling_windows=running.settling_windows,
        evaluation=manifest["evaluation"],
        state=state,
        on_probation=state == "running" and sensor.running_state == "probation",
        refused_reason=sensor.refused_reason if state == "refused" else None,
        heard_from_db=None
        if heard is None or "kinds" not in heard.report
        else {kind["kind"]: kind["heard_from_db"] for kind in heard.report["kinds"]},
        pushed_from=model.pushed_from,
        runs=[ModelRunOut(agent_id=run.agent_id, began_us=run.began, ended_us=run.ended) for run in runs],
    )


def _state(digest: str, sensor: Sensor) -> ModelState:
    if digest == sensor.running_digest:
        return "running"
    if digest == sensor.refused_digest:
        return "refused"
    return "offered" if digest == sensor.desired_digest else "previous"
