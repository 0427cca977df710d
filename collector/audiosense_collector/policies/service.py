"""The rules of policies: a variable of the environment stands over what is set here, and that over the default."""

from typing import Literal

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.auth.principal import Principal
from audiosense_collector.clock import now_us
from audiosense_collector.errors import ConflictError, InvalidError
from audiosense_collector.policies.current import bounds_of, default_of, is_locked, is_whole
from audiosense_collector.policies.losses import NOTHING, loss_of
from audiosense_collector.policies.schemas import Loss, Origin, PolicyName, PolicyOut, PolicyValue
from audiosense_collector.policies.tables import Policy
from audiosense_collector.runtime import Runtime

_UNITS: dict[PolicyName, Literal["per_week", "windows"]] = {
    PolicyName.FALSE_ALARMS_PER_WEEK: "per_week",
    PolicyName.BASELINE_WINDOWS: "windows",
}


async def list_policies(session: AsyncSession, runtime: Runtime) -> list[PolicyOut]:
    """Return all policies, with what this process's environment says of them."""
    rows = {row.setting: row for row in await session.scalars(select(Policy))}
    return [_show(runtime, name, rows.get(name.value)) for name in PolicyName]


async def preview(session: AsyncSession, runtime: Runtime, name: PolicyName, value: float | None) -> Loss:
    """Return what a value would delete.

    Raises:
        InvalidError: it is out of range.
    """
    await runtime.policies.refresh()
    return await loss_of(session, runtime.settings, name, _checked(name, value))


async def change(runtime: Runtime, caller: Principal, name: PolicyName, wanted: PolicyValue) -> PolicyOut:
    """Set a policy, or return it to its default; this process sees it at once, the others within seconds.

    Raises:
        InvalidError: the value is out of range.
        ConflictError: the environment says what holds, somebody else has changed it meanwhile, or the value would
            delete what was not accepted to be deleted.
    """
    value = _checked(name, wanted.value)
    if is_locked(runtime.environment, name):
        raise ConflictError(
            f"{_variable(name)} is set to {getattr(runtime.environment, name.value):g} in the collector's environment, "
            "which stands over what is set here; take it out of the environment of every process and start them again",
            kind="set_by_environment",
        )
    await runtime.policies.refresh()
    async with runtime.sessions.begin() as session:
        row = await session.get(Policy, name.value, with_for_update=True)
        if "over_us" in wanted.model_fields_set and wanted.over_us != (None if row is None else row.set_at):
            raise _changed(name)
        loss = await loss_of(session, runtime.settings, name, value)
        if loss != NOTHING and not wanted.accept_loss:
            raise ConflictError(
                f"{name.value} of {value:g} would delete {loss.rows} rows over {loss.days:g} days, {loss.bytes} bytes; "
                "send accept_loss: true to let them go",
                kind="loses_data",
            )
        if wanted.value is None:
            if row is not None:
                await session.delete(row)
        elif row is None:
            session.add(Policy(setting=name.value, value=value, set_by=caller.actor, set_at=now_us()))
        else:
            row.value, row.set_by, row.set_at = value, caller.actor, now_us()
        try:
            await session.flush()
        except IntegrityError:
            raise _changed(name) from None
    await runtime.policies.refresh()
    async with runtime.sessions() as session:
        return _show(runtime, name, await session.get(Policy, name.value))


def _changed(name: PolicyName) -> ConflictError:
    return ConflictError(
        f"somebody else has changed {name.value} meanwhile; read it again, then keep that or send yours over it",
        kind="changed_meanwhile",
    )


def _checked(name: PolicyName, value: float | None) -> float:
    low, high = bounds_of(name)
    if value is None:
        return default_of(name)
    if not low <= value <= high or (is_whole(name) and value != int(value)):
        kind = "a whole number" if is_whole(name) else "a number"
        raise InvalidError(f"{name.value} is {value:g}, expected {kind} from {low:g} to {high:g}", loc="value")
    return value


def _show(runtime: Runtime, name: PolicyName, row: Policy | None) -> PolicyOut:
    locked = is_locked(runtime.environment, name)
    low, high = bounds_of(name)
    in_force = default_of(name) if row is None else row.value
    return PolicyOut(
        setting=name,
        value=getattr(runtime.environment, name.value) if locked else in_force,
        default=default_of(name),
        minimum=low,
        maximum=high,
        whole=is_whole(name),
        unit=_UNITS.get(name, "days"),
        origin=Origin.ENVIRONMENT if locked else Origin.DEFAULT if row is None else Origin.SET,
        variable=_variable(name),
        set_value=None if row is None else row.value,
        set_by=None if row is None else row.set_by,
        set_us=None if row is None else row.set_at,
    )


def _variable(name: PolicyName) -> str:
    return f"AUDIOSENSE_{name.value.upper()}"
