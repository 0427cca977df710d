"""The schema keeps to what a distributed database demands, and the hot paths stay with one sensor's server."""

import re
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import select

from audiosense_collector.clock import now_us
from audiosense_collector.db import pipelined
from audiosense_collector.db.distribution import COLUMN, DISTRIBUTED, REFERENCE, distribute, find_violations
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.errors import DatabaseError
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.training import service as training

HOUR_US = 3_600_000_000


@pytest.fixture
def connection(database_url):
    with psycopg.connect(libpq_url(database_url)) as opened:
        yield opened
        opened.rollback()


def test_the_schema_keeps_to_what_citus_demands(connection):
    assert find_violations(connection) == []
    tables = (*DISTRIBUTED, *REFERENCE)
    assert all(connection.execute("SELECT to_regclass(%s)", [table]).fetchone()[0] for table in tables)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("ALTER TABLE rollup_hour DROP CONSTRAINT pk_rollup_hour, ADD UNIQUE (time)", "lacks sensor_id"),
        ("CREATE UNIQUE INDEX odd ON rollup_hour (time)", "the unique index odd lacks sensor_id"),
        ("ALTER TABLE rollup_hour ADD FOREIGN KEY (sensor_id) REFERENCES sensor", "leads to sensor, no reference"),
        ("ALTER TABLE model_digest ADD sensor uuid REFERENCES sensor", "leads to sensor, no reference"),
        (
            "CREATE TABLE memo (id uuid, time timestamptz, FOREIGN KEY (id, time) REFERENCES rollup_hour)",
            "leads to the distributed rollup_hour",
        ),
        (
            """CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
            CREATE TRIGGER odd AFTER INSERT ON measurement FOR EACH ROW EXECUTE FUNCTION seen()""",
            "the trigger odd",
        ),
        ("ALTER TABLE rollup_hour ADD EXCLUDE USING btree (windows WITH =)", "exclusion constraint"),
        ("ALTER TABLE rollup_hour ADD number bigint GENERATED ALWAYS AS IDENTITY", "number is an identity"),
        ("ALTER TABLE rollup_hour ADD number bigserial", "takes from a sequence"),
        ("ALTER TABLE rollup_hour RENAME sensor_id TO sensor", "the column sensor_id is missing"),
        (
            """CREATE TABLE odd PARTITION OF measurement FOR VALUES FROM ('2001-01-01') TO ('2001-01-02')
            PARTITION BY LIST (seq)""",
            "its partition odd is partitioned itself",
        ),
        ("CREATE TABLE above (LIKE feature_schema); ALTER TABLE feature_schema INHERIT above", "inherits"),
        ("CREATE RULE odd AS ON DELETE TO rollup_hour DO INSTEAD NOTHING", "the rule odd"),
    ],
    ids=lambda value: value[:30],
)
def test_what_citus_would_refuse_is_found(connection, change, told):
    connection.execute(change)
    assert any(told in found for found in find_violations(connection)), find_violations(connection)


def test_without_the_extension_the_command_says_what_to_do(database_url):
    with pytest.raises(DatabaseError, match=r"no Citus extension.*install Citus 12 or newer.*docs/scaling\.md"):
        list(distribute(database_url))


def test_a_distributed_tables_partition_takes_over_what_the_default_one_held(connection):
    values = "(gen_random_uuid(), %s, gen_random_uuid(), 1, -30, 100, 2, 1, false, '')"
    columns = "sensor_id, time, epoch, seq, level_dbfs, dominant_hz, status, schema, clock_suspect, features"
    for day in ("2033-05-18 00:00Z", "2033-05-18 23:59:59Z", "2033-05-19 00:00Z"):
        connection.execute(f"INSERT INTO measurement ({columns}) VALUES {values}", [day])
    make = "SELECT make_distributed_partition('measurement', 'measurement_20330518', '2033-05-18Z', '2033-05-19Z', '')"
    assert connection.execute(make).fetchone() == (True,)
    assert connection.execute(make).fetchone() == (False,)
    counts = "SELECT (SELECT count(*) FROM measurement_20330518), (SELECT count(*) FROM measurement_default)"
    assert connection.execute(counts).fetchone() == (2, 1)
    stored = "SELECT attstorage FROM pg_attribute WHERE attrelid = 'measurement_20330518'::regclass AND attname = %s"
    assert connection.execute(stored, ["features"]).fetchone() == ("p",)
    assert connection.execute("SELECT is_distributed('measurement')").fetchone() == (False,)


# A statement that names a distributed table binds it to sensors as often as it reads it; an INSERT's rows bring theirs.
NAMED = rf"\b(?:FROM|JOIN|UPDATE|USING)\s+(?:ONLY\s+)?(?:{'|'.join(DISTRIBUTED)})\b"
BOUND = rf"\b{COLUMN}\s*(?:=\s*(?:ANY\s*\(\s*)?(?:CAST\s*\()?\s*%|IN\s*\(\s*%)"
ACROSS = {
    # What starts so is no hot path, and why.
    "SELECT make_": "upkeep, once an hour",
    "WITH page AS": "the fleet and its sparklines, which are of all sensors of a page",
}


def crosses(statement):
    plain = " ".join(statement.split())
    if any(plain.startswith(start) for start in ACROSS):
        return False
    return len(re.findall(NAMED, plain, re.IGNORECASE)) > len(re.findall(BOUND, plain, re.IGNORECASE))


@pytest.mark.parametrize(
    ("statement", "does"),
    [
        ("SELECT * FROM measurement WHERE time > %(low)s", True),
        ("SELECT * FROM measurement WHERE sensor_id = %(sensor)s::UUID", False),
        ("SELECT * FROM measurement m WHERE m.sensor_id = ANY(%(sensors)s) AND time > 1", False),
        ("SELECT * FROM rollup_hour h JOIN measurement m USING (sensor_id) WHERE h.sensor_id = %(sensor)s", True),
        ("SELECT * FROM sensor s\n  JOIN rollup_minute r ON r.sensor_id = s.id", True),
        ("DELETE FROM rollup_hour", True),
        ("UPDATE rollup_hour SET windows = 1", True),
        ("INSERT INTO measurement SELECT * FROM staging ON CONFLICT DO NOTHING", False),
    ],
    ids=str,
)
def test_the_rule_tells_what_crosses_servers(statement, does):
    assert crosses(statement) is does


@pytest.fixture
def statements(monkeypatch):
    """All that is sent to the database meanwhile."""
    sent = []

    def hear(name):
        original = getattr(psycopg.AsyncCursor, name)

        def heard(self, query, *arguments, **more):
            text = (
                query if isinstance(query, str) else query.decode() if isinstance(query, bytes) else query.as_string()
            )
            sent.append(text)
            return original(self, query, *arguments, **more)

        monkeypatch.setattr(psycopg.AsyncCursor, name, heard)

    for name in ("execute", "executemany", "copy"):
        hear(name)
    run = pipelined._run

    def heard_together(server, known, queries):
        sent.extend(query.text for query in queries)
        return run(server, known, queries)

    monkeypatch.setattr(pipelined, "_run", heard_together)
    return sent


async def test_no_hot_path_crosses_servers(make_agent, browser, runtime, statements):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    statements.clear()
    await agent.send(agent.batch(agent.columns(45)))
    await agent.send(agent.batch(agent.columns(5)))
    assert any("measurement" in statement for statement in statements), "a batch was stored"
    now = now_us()
    for back_us in (HOUR_US, 20 * 24 * HOUR_US, 300 * 24 * HOUR_US):
        query = {"from_us": now - back_us, "to_us": now, "points": 20, "features": "flatness_db"}
        before = len(statements)
        response = await browser.get(f"/api/v1/sensors/{sensor}/series", params=query)
        assert response.status_code == 200, response.text
        assert any(re.search(NAMED, statement) for statement in statements[before:])
    (card,) = [card for card in (await browser.get("/api/v1/fleet")).json()["machines"] if sensor in str(card)]
    assert (await browser.get(f"/api/v1/machines/{card['id']}")).status_code == 200
    assert (await browser.get(f"/api/v1/sensors/{sensor}/drift")).status_code == 200
    async with runtime.sessions() as session:
        row = await session.scalar(select(Sensor).where(Sensor.id == UUID(sensor)))
        before = len(statements)
        for what in (training.Request(), training.Request(windows=10)):
            assert await training._load_windows(session, row, what, 40)
        assert any(re.search(NAMED, statement) for statement in statements[before:])
    assert [statement for statement in statements if crosses(statement)] == []
