"""Cards of machines and their sensors, made by PostgreSQL as JSON: ten thousand of them in one query.

What a card says is decided here and nowhere else; ``schemas.MachineCard`` describes it.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.checks import service as checks
from audiosense_collector.checks.schemas import SensorHealthOut
from audiosense_collector.clock import to_datetime
from audiosense_collector.ingest.tables import STATUS_CODES
from audiosense_collector.machines.schemas import Sparkline
from audiosense_collector.machines.standing import FLEET, NEED, WORKED_ON, name_of
from audiosense_collector.machines.units import REFERENCE_PA, STANDARD_GRAVITY
from audiosense_collector.settings import Settings
from audiosense_common.wire import EventState, Quantity, Reason, Status
from audiosense_common.wire_checks import CheckState

MOST_LINES = 1_000
"""An answer about more sensors than this has no sparklines: they would be ten times as much as all else."""
AT_ONCE = 64
"""So many cards are one piece of an answer: to put all of them into one would take PostgreSQL a third longer."""
FEW_MINUTES = 15
"""A line of fewer minutes is made of raw rows: a model's first minutes are no three points."""
_JSON = {
    "ok": SensorHealthOut(state=CheckState.OK).model_dump_json(),
    "unknown": SensorHealthOut(state=CheckState.UNKNOWN).model_dump_json(),
    "no_levels": Sparkline(kind="level_dbfs", time_us=[], value=[]).model_dump_json(),
    "no_scores": Sparkline(kind="score", time_us=[], value=[]).model_dump_json(),
    "blank_reason": json.dumps({name: None for name, each in Reason.model_fields.items() if not each.is_required()}),
}
# Exponents beyond these stand for no physical level; PostgreSQL refuses what overflows.
_RATIO = "power(10, least(greatest({0} / 20.0, -30), 25))"
_CALIBRATED = "s.full_scale BETWEEN 1e-30 AND 1e30"
_PASCAL = f"s.quantity = '{Quantity.SOUND_PRESSURE.value}'"
_SPL = f"20 * log(s.full_scale / {REFERENCE_PA})"


def _string(expression: str) -> str:
    return f"coalesce(to_json(({expression})::text)::text, 'null')"


def _number(column: str) -> str:
    """A number, as arguments of ``concat``; JSON has no word for what is not finite, and NaN is beyond infinity here.

    ``concat`` writes numbers itself, and leaves out what is null.
    """
    finite = f"({column} < 'Infinity' AND {column} > '-Infinity')"
    return f"CASE WHEN {finite} THEN {column} END, CASE WHEN {finite} IS NOT TRUE THEN 'null' END"


def _computed(expression: str) -> str:
    """The same where the number takes longer to compute than to write: the expression stands there once."""
    return f"coalesce(nullif(nullif(nullif(({expression})::text, 'NaN'), 'Infinity'), '-Infinity'), 'null')"


def _plain(expression: str) -> str:
    """A whole number, a truth value, or what is JSON already."""
    return f"coalesce(({expression})::text, 'null')"


def _us(time: str) -> str:
    """UTC microseconds, exact until 2106, as 2⁵² of them are; ``to_us`` reckons in decimals, which takes longer."""
    return f"(date_part('epoch', {time}) * 1000000)::bigint"


def _object(members: Mapping[str, str], *, words: Collection[str], head: str = "", closed: bool = True) -> str:
    """Join members to an object: several times as fast as PostgreSQL's own functions, which look up each one's type.

    ``words`` are the members that are strings of letters, digits and marks that JSON takes as they are, never null.
    Each piece costs a call, so constants that stand side by side are one. ``head`` is an object that was not ``closed``
    and has more members now.
    """
    return _concat([head] if head else [], "," if head else "{", members, words, "}" if closed else "")


def _members(members: Mapping[str, str], *, words: Collection[str] = ()) -> str:
    """Join members that an object takes over as they are: those whose name begins with ``*``."""
    return _concat([], "", members, words, "")


def _concat(pieces: list[str], before: str, members: Mapping[str, str], words: Collection[str], after: str) -> str:
    for name, expression in members.items():
        quote = '"' if name in words else ""
        named = "" if name.startswith("*") else f'"{name}":{quote}'
        pieces += [f"'{before}{named}'"] if before + named else []
        pieces.append(expression)
        before = f"{quote},"
    last = before.removesuffix(",") + after
    return f"concat({', '.join([*pieces, *([_quoted(last)] if last else [])])})"


def _quoted(constant: str) -> str:
    return f"'{constant}'"


_SOUND = {
    "quantity": "s.quantity",
    "unit": f"CASE WHEN {_PASCAL} THEN 'dB SPL' ELSE 'g' END",
    "level": _computed(f"""CASE
        WHEN NOT {_CALIBRATED} THEN NULL
        WHEN {_PASCAL} THEN s.last_level_dbfs + {_SPL}
        ELSE s.full_scale * {_RATIO.format("s.last_level_dbfs")}
    END"""),
    "level_a_db": _computed(f"CASE WHEN {_CALIBRATED} AND {_PASCAL} THEN s.last_level_a_dbfs + {_SPL} END"),
    "velocity_mm_s": _computed(f"""CASE WHEN {_CALIBRATED} AND NOT {_PASCAL}
        THEN s.full_scale * {STANDARD_GRAVITY} * {_RATIO.format("s.last_velocity_db")} END"""),
}
# Most sensors are not calibrated, and most have a model: what they have in common is written once.
_PLAIN_SOUND = {
    "quantity": "s.quantity",
    "unit": "'dBFS'",
    "level": _number("s.last_level_dbfs"),
    "level_a_db": "'null'",
    "velocity_mm_s": "'null'",
}
_MODEL = {
    "threshold": _number("d.threshold"),
    "model_digest": _string("d.digest"),
    "learning": "'null'",
    "heuristic_flag": "'null'",
}
_NO_MODEL = {
    "threshold": "'null'",
    "model_digest": _string("s.running_digest"),
    "learning": _plain("""CASE WHEN s.running_digest IS NULL THEN json_build_object(
        'windows', s.learning_windows, 'needed', coalesce(s.baseline_windows, :baseline_windows)) END"""),
    "heuristic_flag": _plain("""CASE WHEN s.running_digest IS NULL AND s.last_flatness_db IS NOT NULL THEN
        s.last_dominant_hz > coalesce(s.heuristic_dominant_hz, :heuristic_dominant_hz)
        OR s.last_flatness_db > 10 * log(coalesce(s.heuristic_flatness, :heuristic_flatness)) END"""),
}
_SENSOR = {
    "id": "s.id",
    "name": _string("s.name"),
    "agent_id": _plain("""'"' || s.agent_id || '"'"""),
    "status": name_of("s.need"),
    "score": _number("s.last_score"),
    "level_dbfs": _number("s.last_level_dbfs"),
    "*sound": f"""CASE WHEN s.full_scale IS NULL THEN {_members(_PLAIN_SOUND, words=["quantity", "unit"])}
        ELSE {_members(_SOUND, words=["quantity", "unit"])} END""",
    "dominant_hz": _number("s.last_dominant_hz"),
    "last_heard_us": _plain(_us("s.last_time")),
    "*model": f"coalesce(s.of_model, {_members(_NO_MODEL)})",
    "open_event": "CASE WHEN s.open_events > 0 THEN 'true' ELSE 'false' END",
    "health": _plain("""CASE
        WHEN s.state IS NOT NULL THEN json_build_object(
            'state', s.state, 'key', s.key, 'cause', s.cause, 'since_us', to_us(s.since))::text
        WHEN s.health_told > :fresh THEN :ok
        ELSE :unknown
    END"""),
    "reasons": _plain("""CASE
        WHEN jsonb_array_length(s.told_reasons) = 0 THEN '[]'
        WHEN s.told_reasons IS NOT NULL THEN (
            SELECT jsonb_agg(:blank_reason ::jsonb || r.reason ORDER BY r.place)
            FROM jsonb_array_elements(s.told_reasons) WITH ORDINALITY AS r (reason, place))
    END"""),
    "sparkline": _plain("""CASE
        WHEN s.line IS NOT NULL THEN json_build_object(
            'kind', CASE WHEN s.running_digest IS NULL THEN 'level_dbfs' ELSE 'score' END,
            'time_us', s.time_us, 'value', s.value)::text
        WHEN s.running_digest IS NULL THEN :no_levels
        ELSE :no_scores
    END"""),
}
_MACHINE = {
    "id": "m.id",
    "name": _string("m.name"),
    "site": "t.document",
    "tags": "CASE WHEN cardinality(m.tags) = 0 THEN '[]' ELSE array_to_json(m.tags)::text END",
}
_LATEST = {
    "status": name_of("m.worst[1]"),
    "score": _number("m.worst[4]::real"),
    "threshold": _number("m.worst[5]::real"),
    "last_heard_us": _plain(_us("m.last_time")),
    "open_events": _plain("m.open_events"),
    "sensors": "'[', m.sensors, ']'",
}

# A line's last hour of sound in 60 points, or what there is of it. A machine at rest has no score there: it sounds
# unlike its running self, which is no finding. The constant bounds let PostgreSQL skip all other partitions; the
# millisecond keeps the oldest row out of a 61st point.
_LINES = f"""
, span AS (
    SELECT min(s.last_time) - interval '1 hour' AS low, max(s.last_time) AS high
    FROM sensor s JOIN page p ON p.id = s.machine_id
), minute AS (
    SELECT s.id, count(*) AS points, json_agg(to_us(r.time) ORDER BY r.time) AS time_us,
        json_agg(CASE WHEN s.running_digest IS NULL THEN r.level_dbfs_max WHEN r.stopped < r.scored THEN r.score_max END
            ORDER BY r.time) AS value
    FROM sensor s JOIN page p ON p.id = s.machine_id CROSS JOIN LATERAL (
        SELECT m.*, min(m.time) FILTER (WHERE s.running_digest IS NULL OR m.scored > 0) OVER () AS first
        FROM rollup_minute m
        WHERE m.sensor_id = s.id AND m.time > s.last_time - interval '1 hour' AND m.time <= s.last_time
          AND m.time >= (SELECT low FROM span) AND m.time <= (SELECT high FROM span)
    ) AS r
    WHERE r.time >= r.first
    GROUP BY s.id
), young AS (
    SELECT s.id, s.last_time, s.running_digest FROM sensor s JOIN page p ON p.id = s.machine_id
    LEFT JOIN minute r ON r.id = s.id WHERE coalesce(r.points, 0) < {FEW_MINUTES}
), window_line AS (
    SELECT id, json_agg(time_us ORDER BY time_us) AS time_us, json_agg(value ORDER BY time_us) AS value
    FROM (
        SELECT id, to_us(max(time)) AS time_us, max(value) AS value,
            row_number() OVER (PARTITION BY id ORDER BY max(time) DESC) AS place
        FROM (
            SELECT y.id, y.last_time, m.time,
                CASE WHEN y.running_digest IS NULL THEN m.level_dbfs
                    WHEN m.status <> {STATUS_CODES[Status.STOPPED]} THEN m.score END AS value,
                min(m.time) FILTER (WHERE y.running_digest IS NULL OR m.score IS NOT NULL)
                    OVER (PARTITION BY y.id) AS first
            FROM young y JOIN measurement m ON m.sensor_id = y.id
                AND m.time > y.last_time - interval '1 hour' AND m.time <= y.last_time
                AND m.time >= (SELECT low FROM span) AND m.time <= (SELECT high FROM span)
        ) AS heard
        WHERE time >= first
        GROUP BY id, floor(extract(epoch FROM last_time - time) / (extract(epoch FROM last_time - first) / 60 + 0.001))
    ) AS point
    WHERE place <= 60
    GROUP BY id
), line AS (
    SELECT s.id, coalesce(w.time_us, r.time_us) AS time_us, coalesce(w.value, r.value) AS value
    FROM sensor s JOIN page p ON p.id = s.machine_id
    LEFT JOIN minute r ON r.id = s.id LEFT JOIN window_line w ON w.id = s.id
    WHERE r.id IS NOT NULL OR w.id IS NOT NULL
)
"""
_NO_LINES = ", line AS (SELECT NULL::uuid AS id, NULL::json AS time_us, NULL::json AS value WHERE false)"

_SITE = f"""
    SELECT t.id, row_number() OVER (ORDER BY t.name) AS place,
        {_object({"id": "t.id", "name": _string("t.name")}, words={"id"})} AS document
    FROM site t
"""
_HEAD = f"{_object(_MACHINE, words={'id'}, closed=False)} AS head"
_ALL = f"""
    SELECT m.id, {_HEAD}, row_number() OVER (ORDER BY t.place, m.name, m.id) AS place
    FROM machine m JOIN ({_SITE}) AS t ON t.id = m.site_id
    WHERE {FLEET}
"""
_CHOSEN = f"""
    SELECT m.id, {_HEAD}, c.place
    FROM unnest(CAST(:machines AS uuid[])) WITH ORDINALITY AS c (id, place)
    JOIN machine m ON m.id = c.id JOIN ({_SITE}) AS t ON t.id = m.site_id
"""
# Everything is sorted once, in the order of the answer and before documents are made: to move them costs more than to
# make them. So the worst sensor of a machine is the least of arrays, not the first of another order.
_CARDS = f"""
WITH page AS (<page>), opened AS (
    SELECT sensor_id, count(*) AS events, (array_agg(reasons ORDER BY start DESC))[1] AS reasons
    FROM event WHERE state <> '{EventState.CLOSE.value}' GROUP BY sensor_id
), worst AS (
    SELECT DISTINCT ON (subject) subject, state, key, cause, since FROM agent_check
    WHERE told > :fresh AND key <> ALL(:no_health) AND state IN ('failed', 'warning')
    ORDER BY subject, state, since, key
), model AS (
    SELECT d.digest, d.threshold, {_members(_MODEL)} AS members FROM model_digest d OFFSET 0
), worked_on AS (
{WORKED_ON}
)<lines>, shown AS (
    SELECT s.*, p.place / {AT_ONCE} AS piece, p.place, p.head, coalesce(o.events, 0) AS open_events, d.threshold,
        d.members AS of_model, coalesce(nullif(o.reasons, '[]'), s.last_reasons) AS told_reasons, {NEED} AS need,
        w.state, w.key, w.cause, w.since, l.id AS line, l.time_us, l.value
    FROM page p JOIN sensor s ON s.machine_id = p.id
    LEFT JOIN model d ON d.digest = s.running_digest
    LEFT JOIN opened o ON o.sensor_id = s.id
    LEFT JOIN worked_on k ON k.id = s.id
    LEFT JOIN worst w ON w.subject = s.id
    LEFT JOIN line l ON l.id = s.id
), numbered AS (
    SELECT s.*, row_number() OVER (ORDER BY piece, place, name, id) AS number FROM shown s
), machine_card AS (
    SELECT piece, place, min(head) AS head, max(last_time) AS last_time, sum(open_events)::int AS open_events,
        min(ARRAY[need, coalesce(-last_score, 0), number, last_score, threshold]::float8[]) AS worst,
        string_agg({_object(_SENSOR, words={"id", "status"})}, ',' ORDER BY name, id) AS sensors
    FROM numbered s GROUP BY piece, place
)
SELECT string_agg({_object(_LATEST, words={"status"}, head="m.head")}, ',' ORDER BY place),
    array_agg({name_of("m.worst[1]")})
FROM machine_card m GROUP BY piece ORDER BY piece
"""
_ARE_FEW = f"""
SELECT count(*) <= {MOST_LINES}
FROM (SELECT FROM sensor s JOIN machine m ON m.id = s.machine_id WHERE {FLEET} LIMIT {MOST_LINES + 1}) AS s
"""


@dataclass(frozen=True, slots=True)
class Cards:
    """Cards as the elements of a JSON array, several in each piece with commas between them, and their statuses.

    The pieces are put together once, with what stands around them: all of them are many megabytes.
    """

    pieces: list[bytes]
    statuses: list[str]


async def read_cards(
    session: AsyncSession,
    settings: Settings,
    now_us: int,
    machines: Sequence[UUID] | None = None,
    *,
    lines: bool | None = None,
) -> Cards:
    """Return the cards of machines that have sensors.

    Args:
        session: in whose transaction they are read.
        settings: defaults of what a sensor leaves open.
        now_us: which time it is, UTC microseconds.
        machines: which machines, in this order; by default all but the sandbox, by site and name.
        lines: whether with sparklines; by default where there are not more than ``MOST_LINES`` sensors.
    """
    if lines is None:
        lines = machines is not None or bool(await session.scalar(text(_ARE_FEW)))
    page = _ALL if machines is None else _CHOSEN
    query = _CARDS.replace("<page>", page).replace("<lines>", _LINES if lines else _NO_LINES)
    await session.execute(text("SELECT set_config('work_mem', '64MB', true), set_config('jit', 'off', true)"))
    parameters = {
        "now": to_datetime(now_us),
        "fresh": to_datetime(now_us - checks.STALE_US),
        "no_health": sorted(checks.NO_HEALTH),
        "baseline_windows": settings.baseline_windows,
        "heuristic_dominant_hz": settings.heuristic_dominant_hz,
        "heuristic_flatness": settings.heuristic_flatness,
        **_JSON,
    }
    if machines is not None:
        parameters["machines"] = list(machines)
    pieces = (await session.execute(text(query), parameters)).all()
    return Cards([each.encode() for each, _ in pieces], [status for _, statuses in pieces for status in statuses])
