"""The rules of notes: who may change one, and what maintenance means to the other subjects."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal, or_, select, tuple_
from sqlalchemy import delete as delete_rows
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector import paging
from audiosense_collector.auth.principal import Principal
from audiosense_collector.auth.roles import Role
from audiosense_collector.clock import now_us
from audiosense_collector.db.base import MicrosecondTime
from audiosense_collector.errors import ForbiddenError, InvalidError, NotFoundError
from audiosense_collector.machines.tables import Machine, Sensor
from audiosense_collector.notes.schemas import NewNote, NoteChange, NoteKind, NoteOut, NotePage
from audiosense_collector.notes.tables import Note

Span = tuple[int, int | None]
"""Start and end of maintenance, UTC microseconds; without an end it lasts."""


async def list_notes(
    session: AsyncSession,
    caller: Principal,
    *,
    machine: UUID | None,
    from_us: int | None,
    to_us: int | None,
    limit: int,
    before: str | None,
) -> NotePage:
    """Return a page of notes that touch a span, the newest first.

    Raises:
        InvalidError: ``before`` is not a ``next`` of another page.
    """
    query = select(Note).where(Note.deleted.is_(None)).order_by(Note.start.desc(), Note.id.desc()).limit(limit + 1)
    if machine is not None:
        query = query.where(Note.machine_id == machine)
    if from_us is not None:
        lasts = Note.end.is_(None) & (Note.kind == NoteKind.MAINTENANCE.value)
        query = query.where(or_(lasts, Note.end > _time(from_us), Note.start >= _time(from_us)))
    if to_us is not None:
        query = query.where(Note.start < _time(to_us))
    if before is not None:
        start, note_id = paging.decode(before, (int, UUID))
        query = query.where(tuple_(Note.start, Note.id) < tuple_(_time(start), note_id))
    rows = list(await session.scalars(query))
    items = [_show(row, caller) for row in rows[:limit]]
    more = len(rows) > limit
    return NotePage(items=items, next=paging.encode(items[-1].start_us, items[-1].id) if more else None)


async def add(session: AsyncSession, caller: Principal, new: NewNote) -> NoteOut:
    """Add a note.

    Raises:
        NotFoundError: no such machine, or the sensor is not one of its own.
        InvalidError: it ends before it begins.
    """
    if await session.get(Machine, new.machine_id) is None:
        raise NotFoundError(f"there is no machine {new.machine_id}")
    if new.sensor_id is not None:
        sensor = await session.get(Sensor, new.sensor_id)
        if sensor is None or sensor.machine_id != new.machine_id:
            raise NotFoundError(f"machine {new.machine_id} has no sensor {new.sensor_id}")
    now = now_us()
    note = Note(
        machine_id=new.machine_id,
        sensor_id=new.sensor_id,
        kind=new.kind.value,
        start=now if new.start_us is None else new.start_us,
        end=new.end_us,
        text=new.text,
        author=caller.actor,
        created=now,
    )
    _check(note)
    session.add(note)
    await session.flush()
    return _show(note, caller)


async def change(session: AsyncSession, caller: Principal, note_id: UUID, changes: NoteChange) -> NoteOut:
    """Change a note.

    Raises:
        NotFoundError: no such note.
        ForbiddenError: it is somebody else's.
        InvalidError: it would end before it begins.
    """
    note = await _own(session, caller, note_id)
    given: dict[str, Any] = changes.model_dump(exclude_unset=True, mode="json")
    for name, value in given.items():
        if value is not None or name == "end_us":
            setattr(note, name.removesuffix("_us"), value)
    note.edited = now_us()
    _check(note)
    await session.flush()
    return _show(note, caller)


async def delete(session: AsyncSession, caller: Principal, note_id: UUID) -> None:
    """Take a note away; ``restore`` brings it back.

    Raises:
        NotFoundError: no such note.
        ForbiddenError: it is somebody else's.
    """
    note = await _own(session, caller, note_id)
    note.deleted = now_us()


async def restore(session: AsyncSession, caller: Principal, note_id: UUID) -> NoteOut:
    """Bring a deleted note back.

    Raises:
        NotFoundError: no such note.
        ForbiddenError: it is somebody else's.
    """
    note = await _own(session, caller, note_id, deleted=True)
    note.deleted = None
    await session.flush()
    return _show(note, caller)


async def count_by_machine(session: AsyncSession, machines: Collection[UUID]) -> dict[UUID, int]:
    """Return how many notes and maintenances some machines have; those without any are left out."""
    query = select(Note.machine_id, func.count().label("notes")).where(
        Note.machine_id.in_(machines), Note.deleted.is_(None)
    )
    return {row.machine_id: row.notes for row in await session.execute(query.group_by(Note.machine_id))}


async def forget_machine(session: AsyncSession, machine: UUID) -> None:
    """Delete all notes of a machine for good: it is about to be deleted."""
    await session.execute(delete_rows(Note).where(Note.machine_id == machine))


async def maintenance_of(session: AsyncSession, sensor: Sensor) -> list[Span]:
    """Return when a sensor's machine was worked on, in order of time."""
    query = select(Note.start, Note.end).where(
        _maintenance(), Note.machine_id == sensor.machine_id, or_(Note.sensor_id.is_(None), Note.sensor_id == sensor.id)
    )
    return [(row.start, row.end) for row in await session.execute(query.order_by(Note.start))]


async def in_maintenance(session: AsyncSession, at_us: int, sensors: Collection[UUID]) -> set[UUID]:
    """Return which of some sensors' machines are worked on at a time."""
    query = select(Sensor.id).join(Note, _of_sensor()).where(_maintenance(), _goes_on(at_us), Sensor.id.in_(sensors))
    return set(await session.scalars(query))


async def agents_in_maintenance(session: AsyncSession, at_us: int) -> set[UUID]:
    """Return the agents all of whose sensors' machines are worked on at a time."""
    query = (
        select(Sensor.agent_id)
        .outerjoin(Note, _of_sensor() & _maintenance() & _goes_on(at_us))
        .where(Sensor.agent_id.is_not(None))
        .group_by(Sensor.agent_id)
        .having(func.bool_and(Note.id.is_not(None)))
    )
    return {agent_id for agent_id in await session.scalars(query) if agent_id is not None}


def _of_sensor() -> ColumnElement[bool]:
    return (Note.machine_id == Sensor.machine_id) & or_(Note.sensor_id.is_(None), Note.sensor_id == Sensor.id)


def _goes_on(at_us: int) -> ColumnElement[bool]:
    return (Note.start <= _time(at_us)) & or_(Note.end.is_(None), Note.end > _time(at_us))


def _maintenance() -> ColumnElement[bool]:
    return (Note.kind == NoteKind.MAINTENANCE.value) & Note.deleted.is_(None)


def _time(us: int) -> ColumnElement[int]:
    return literal(us, MicrosecondTime())


async def _own(session: AsyncSession, caller: Principal, note_id: UUID, *, deleted: bool = False) -> Note:
    note = await session.get(Note, note_id, with_for_update=True)
    if note is None or (note.deleted is not None and not deleted):
        raise NotFoundError(f"there is no note {note_id}")
    if not _may_change(note, caller):
        raise ForbiddenError(
            f"the note is {note.author}'s; ask {note.author} or an administrator to change it", kind="not_yours"
        )
    return note


def _may_change(note: Note, caller: Principal) -> bool:
    role = Role(caller.role)
    return role.covers(Role.ADMINISTRATOR) or (role.covers(Role.OPERATOR) and note.author == caller.actor)


def _check(note: Note) -> None:
    if note.end is not None and note.end <= note.start:
        message = f"end_us: {note.end} is not after start_us, {note.start}"
        raise InvalidError(message, loc="end_us", kind="ends_before_start")


def _show(note: Note, caller: Principal) -> NoteOut:
    return NoteOut(
        id=note.id,
        machine_id=note.machine_id,
        sensor_id=note.sensor_id,
        kind=NoteKind(note.kind),
        start_us=note.start,
        end_us=note.end,
        text=note.text,
        author=note.author,
        created_us=note.created,
        edited_us=note.edited,
        yours=_may_change(note, caller),
    )
