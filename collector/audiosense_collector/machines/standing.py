"""How machines stand: which of a fleet are meant, in which order, and how many there are of each status.

All sensors are looked at for it, but in a few narrow columns: the cards of a page are made afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector import paging
from audiosense_collector.clock import SECOND_US, to_datetime
from audiosense_collector.ingest.tables import STATUSES
from audiosense_collector.machines.schemas import ShownStatus
from audiosense_collector.notes.schemas import NoteKind
from audiosense_common.wire import EventState

OFFLINE_US = 60 * SECOND_US
OFFLINE_WINDOWS = 6
FLEET = "NOT m.sandbox"
"""All machines ``m`` but the one that the developer interface acts on."""
_PLACES = {status: place for place, status in enumerate(ShownStatus, 1)}
_WORDS = " ".join(f"WHEN {place} THEN '{status.value}'" for status, place in _PLACES.items())
NEED = f"""CASE
    WHEN k.id IS NOT NULL THEN {_PLACES[ShownStatus.MAINTENANCE]}
    WHEN s.last_heard IS NULL OR s.last_status IS NULL THEN {_PLACES[ShownStatus.WAITING]}
    WHEN o.events > 0 THEN {_PLACES[ShownStatus.ALARM]}
    WHEN :now - s.last_heard > interval '{OFFLINE_US / 1e6} seconds'
        AND :now - s.last_heard > {OFFLINE_WINDOWS} * s.window_s * interval '1 second'
    THEN {_PLACES[ShownStatus.OFFLINE]}
    ELSE (ARRAY[{", ".join(str(_PLACES[ShownStatus(status.value)]) for status in STATUSES)}])[s.last_status + 1]
END"""
"""The status of a sensor ``s`` with the open events ``o`` at the time ``:now``, ``k`` where it is worked on.

A number, by which the worst comes first, for ``name_of``. Decided nowhere else.
"""
WORKED_ON = f"""
    SELECT DISTINCT s.id FROM note n JOIN sensor s ON s.machine_id = n.machine_id AND s.id = coalesce(n.sensor_id, s.id)
    WHERE n.kind = '{NoteKind.MAINTENANCE.value}' AND n.deleted IS NULL
      AND n.start <= :now AND coalesce(n."end", 'infinity') > :now
"""  # noqa: S608 - constants
"""The sensors whose machine somebody works on at the time ``:now``."""

_STANDING = f"""
WITH opened AS (
    SELECT sensor_id, count(*) AS events FROM event WHERE state <> '{EventState.CLOSE.value}' GROUP BY sensor_id
), worked_on AS (
{WORKED_ON}
), machine_status AS (
    SELECT s.machine_id AS id, count(*) AS sensors, min({NEED}) AS need
    FROM sensor s LEFT JOIN opened o ON o.sensor_id = s.id LEFT JOIN worked_on k ON k.id = s.id
    GROUP BY s.machine_id
), found AS MATERIALIZED (
    SELECT m.id, m.name, t.name AS site, n.need, n.sensors
    FROM machine_status n JOIN machine m ON m.id = n.id JOIN site t ON t.id = m.site_id
    WHERE {FLEET} AND (CAST(:site AS uuid) IS NULL OR t.id = :site)
        AND (CAST(:words AS text) IS NULL OR position(lower(:words) IN lower(m.name)) > 0
            OR position(lower(:words) IN lower(t.name)) > 0)
        AND (CAST(:tags AS varchar[]) IS NULL OR m.tags @> CAST(:tags AS varchar[]))
), page AS (
    SELECT f.*, row_number() OVER (ORDER BY <order>) AS place FROM found f
    WHERE (CAST(:statuses AS integer[]) IS NULL OR need = ANY(:statuses)) <after>
    ORDER BY place LIMIT CAST(:limit AS bigint) + 1
)
SELECT
    (SELECT jsonb_object_agg(need, machines) FROM (SELECT need, count(*) AS machines FROM found GROUP BY need) AS n),
    (SELECT array_agg(id ORDER BY place) FROM page),
    (SELECT sum(sensors)::bigint FROM page),
    (SELECT jsonb_build_array(need, site, name, id) FROM page WHERE place = :limit)
"""  # noqa: S608 - constants


def name_of(need: str) -> str:
    """Return an expression of the word of a ``NEED``."""
    return f"CASE {need} {_WORDS} END"


class Order(StrEnum):
    """In which order machines come: by site and name, or the worst status first."""

    PLACE = "place"
    NEED = "need"


_KEYS = {Order.PLACE: ("f.site", "f.name", "f.id"), Order.NEED: ("f.need", "f.site", "f.name", "f.id")}
_NAMES = ("need", "site_name", "name", "machine")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which machines are meant: of a site, with words in their or their site's name, with one of some statuses.

    They have all of the tags. ``limit`` is how many at most, ``after`` where the page before ended.
    """

    statuses: Sequence[ShownStatus] = ()
    site: UUID | None = None
    words: str | None = None
    order: Order = Order.PLACE
    limit: int | None = None
    after: str | None = None
    tags: Sequence[str] = ()

    @property
    def is_all(self) -> bool:
        """Whether every machine is meant, by site and name."""
        return self == Choice()


@dataclass(frozen=True, slots=True)
class Standing:
    """Machines of a page in their order, the cursor of the one after, and how many there are of each status.

    ``sensors`` is how many the page's machines have, or one machine more. Those of a status are counted whether that
    status was chosen or not.
    """

    machines: list[UUID]
    sensors: int
    following: str | None
    counts: dict[ShownStatus, int]


async def read_standing(session: AsyncSession, now_us: int, choice: Choice) -> Standing:
    """Return which machines are meant, and how all of them stand.

    Raises:
        InvalidError: ``after`` is no cursor of this order.
    """
    keys = _KEYS[choice.order]
    names = _NAMES[-len(keys) :]
    parameters: dict[str, Any] = {
        "now": to_datetime(now_us),
        "site": choice.site,
        "words": choice.words,
        "statuses": [list(ShownStatus).index(each) + 1 for each in choice.statuses] or None,
        "limit": choice.limit,
        "tags": list(choice.tags) or None,
    }
    after = ""
    if choice.after is not None:
        kinds: list[type[str | int | UUID]] = [int, str, str, UUID][-len(keys) :]
        parameters |= dict(zip(names, paging.decode(choice.after, kinds, loc="after"), strict=True))
        after = f"AND ({', '.join(keys)}) > ({', '.join(f':{name}' for name in names)})"
    query = _STANDING.replace("<after>", after).replace("<order>", ", ".join(keys))
    counts, machines, sensors, last = (await session.execute(text(query), parameters)).one()
    machines, following = machines or [], None
    # One more than is shown says that there is another page.
    if choice.limit is not None and len(machines) > choice.limit:
        machines, following = machines[: choice.limit], paging.encode(*last[-len(keys) :])
    return Standing(machines, sensors or 0, following, _name_counts(counts))


def _name_counts(counts: dict[str, int] | None) -> dict[ShownStatus, int]:
    return {status: (counts or {}).get(str(place), 0) for place, status in enumerate(ShownStatus, 1)}
