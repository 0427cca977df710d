"""Policies over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query

from audiosense_collector.auth.principal import Caller
from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.db.session import Session
from audiosense_collector.errors import ConflictError, InvalidError, UnavailableError, responses
from audiosense_collector.policies import service
from audiosense_collector.policies.schemas import Loss, PolicyName, PolicyOut, PolicyValue
from audiosense_collector.runtime import RuntimeOf

router = APIRouter(prefix="/api/v1/policies", tags=["policies"], dependencies=[Requires(Role.VIEWER)])


@router.get("")
async def list_policies(session: Session, runtime: RuntimeOf) -> list[PolicyOut]:
    """Settings that can be changed while the collector runs, and who chose each."""
    return await service.list_policies(session, runtime)


@router.get(
    "/{setting}/loss",
    dependencies=[Requires(Role.ADMINISTRATOR)],
    responses=responses(InvalidError, UnavailableError),
)
async def preview_policy(
    setting: PolicyName,
    session: Session,
    runtime: RuntimeOf,
    value: Annotated[float | None, Query(allow_inf_nan=False, description="the default unless given")] = None,
) -> Loss:
    """What a value would delete, beyond what is due anyway."""
    return await service.preview(session, runtime, setting, value)


@router.put(
    "/{setting}",
    dependencies=[Requires(Role.ADMINISTRATOR)],
    responses=responses(ConflictError, InvalidError, UnavailableError),
)
async def change_policy(setting: PolicyName, wanted: PolicyValue, runtime: RuntimeOf, caller: Caller) -> PolicyOut:
    """Set a policy; every process of the collector goes by it within half a minute."""
    return await service.change(runtime, caller, setting, wanted)
