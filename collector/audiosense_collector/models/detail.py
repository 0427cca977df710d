"""All that is known of one model."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from audiosense_collector.agents.tables import Agent
from audiosense_collector.detectability import store as probes
from audiosense_collector.detectability.schemas import Detectability
from audiosense_collector.errors import NotFoundError
from audiosense_collector.machines.tables import Machine, Sensor, Site
from audiosense_collector.models.fleet import place_of, read_back, settings_of
from audiosense_collector.models.runs import read_runs
from audiosense_collector.models.schemas import ModelAgent, ModelDetail, ModelSummary
from audiosense_collector.models.service import summarise
from audiosense_collector.models.tables import Model
from audiosense_collector.settings import Settings
from audiosense_common.bundle import Debouncing

_AFTER_GOLDEN = ("probation", "scoring")
"""What a refusal begins with where the agent had run the model: the golden vectors had passed before."""
_GOLDEN = ("golden", "slow")


async def read(session: AsyncSession, settings: Settings, digest: str) -> ModelDetail:
    """Return what is known of a model.

    Raises:
        NotFoundError: no such model.
    """
    query = select(Model, Sensor, Machine, Site, Agent, func.octet_length(Model.bundle)).select_from(Model)
    query = query.join(Sensor, Sensor.id == Model.sensor_id).join(Machine).join(Site)
    query = query.outerjoin(Agent, Agent.id == Sensor.agent_id)
    row = (await session.execute(query.where(Model.digest == digest))).one_or_none()
    if row is None:
        raise _unknown(digest)
    model, sensor, machine, site, agent, size = row
    report = (await probes.read_reports(session, [model])).get(digest)
    summary = summarise(model, sensor, report, (await read_runs(session, [digest])).get(digest, ()))
    manifest = model.manifest
    found = {} if report is None else report.report
    return ModelDetail(
        **dict(summary),
        place=place_of(sensor, machine, site),
        agent=None if agent is None else _agent(agent, summary),
        back_to=(await read_back(session, [sensor.id])).get(sensor.id),
        signing_key=manifest["signing_key"],
        install_before_us=manifest["install_before_us"],
        schema_id=manifest["schema_id"],
        features=[need["name"] for need in manifest["features"]],
        sample_rate_hz=manifest["sample_rate_hz"],
        window_s=manifest["window_s"],
        debouncing=Debouncing.model_validate(manifest.get("debouncing", {})),
        size_bytes=size,
        detectability=Detectability.model_validate(found) if "kinds" in found else None,
        detectability_reason=found.get("reason"),
        false_alarms_per_week=settings_of(sensor, settings)["false_alarms_per_week"],
    )


async def read_bundle(session: AsyncSession, digest: str) -> tuple[bytes, str]:
    """Return a bundle and a name for its file.

    Raises:
        NotFoundError: no such model.
    """
    model = await session.get(Model, digest, options=[undefer(Model.bundle)], populate_existing=True)
    if model is None:
        raise _unknown(digest)
    return model.bundle, f"model-{digest[:12]}-version-{model.version}.zip"


def _unknown(digest: str) -> NotFoundError:
    return NotFoundError(f"there is no model {digest}; `GET /api/v1/models` lists them")


def _agent(agent: Agent, model: ModelSummary) -> ModelAgent:
    word = (model.refused_reason or "").partition(":")[0]
    ran = model.state == "running" or any(run.agent_id == agent.id for run in model.runs)
    if ran or word in _AFTER_GOLDEN:
        golden = "passed"
    elif model.state == "refused":
        golden = "failed" if word in _GOLDEN else "not_reached"
    else:
        golden = "untold"
    return ModelAgent(
        id=agent.id,
        name=agent.name,
        version=agent.version,
        last_seen_us=agent.last_seen,
        state=model.state,
        on_probation=model.on_probation,
        refused_reason=model.refused_reason,
        golden=golden,
    )
