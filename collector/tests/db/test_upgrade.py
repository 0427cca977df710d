"""From the schemas of earlier releases, with data, to today's: the interface answers the same; and never back."""

import httpx
import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from psycopg import sql

from audiosense_collector.app import create_app
from audiosense_collector.auth.roles import Role
from audiosense_collector.db.engine import libpq_url, make_sync_engine
from audiosense_collector.db.migrate import make_config, migrate, newest_revision
from audiosense_collector.errors import DatabaseError
from audiosense_collector.jobs import make_jobs
from audiosense_collector.runtime import open_runtime
from audiosense_common.wire import Event, Status

LAST, BEFORE = "0015", "0012"
"""Schemas of the last release and of one before it."""
PREVIOUS = "the schema before today's"
DIGEST = "ab" * 32
COLUMNS = """
SELECT relname, array_agg(attname::text ORDER BY attnum) FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND attnum > 0
    AND NOT attisdropped AND relname <> 'alembic_version' AND relname NOT LIKE 'procrastinate%'
GROUP BY relname
"""


def copy_rows(source, target):
    """Copy what both schemas know; foreign keys are looked at when all is there."""
    with psycopg.connect(libpq_url(source)) as old, psycopg.connect(libpq_url(target)) as new:
        new.execute("SET session_replication_role = replica")
        here, there = dict(old.execute(COLUMNS).fetchall()), dict(new.execute(COLUMNS).fetchall())
        for table, columns in there.items():
            shared = sql.SQL(", ").join(sql.Identifier(name) for name in columns if name in here.get(table, ()))
            out = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT binary)").format(shared, sql.Identifier(table))
            into = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(sql.Identifier(table), shared)
            with old.cursor().copy(out) as rows, new.cursor().copy(into) as taken:
                for row in rows:
                    taken.write(row)


@pytest.fixture
async def told(make_agent, reasons):
    """The sensor of an agent that told measurements with reasons, a score, a model and an event."""
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    scored = agent.columns(40, status=Status.ANOMALOUS, score=0.8, digest=DIGEST)
    scored.reasons[39] = reasons
    start = scored.time_us[0]
    event = Event(
        id=agent.epoch,
        sensor=sensor,
        revision=1,
        state="open",
        start_us=start,
        end_us=start + 10_000_000,
        peak_us=start,
        peak_score=0.9,
        threshold=0.6,
        windows=3,
        model=DIGEST,
        reasons=reasons,
    )
    await agent.send(agent.batch(scored, events=[event]))
    return sensor, scored.time_us


async def answers(browser, sensor, times):
    span = f"from_us={times[0]}&to_us={times[-1] + 1}"
    found = []
    for path in (f"sensors/{sensor}/series?reasons=true&{span}", f"events?sensor={sensor}", "agents"):
        response = await browser.get(f"/api/v1/{path}")
        assert response.status_code == 200, response.text
        found.append(response.json())
    return found


@pytest.mark.parametrize("revision", [PREVIOUS, LAST, BEFORE])
async def test_an_earlier_schema_with_data_is_migrated_and_answers_the_same(
    *, settings, database_url, browser, told, make_database, sign_in_to, revision
):
    sensor, times = told
    before = await answers(browser, sensor, times)
    assert len(before[0]["time_us"]) == 40
    assert before[1]["items"][0]["reasons"]
    url = make_database(migrated=False)
    engine = make_sync_engine(url)
    with engine.connect() as connection:
        config = make_config(connection)
        if revision == PREVIOUS:
            revision = ScriptDirectory.from_config(config).get_revision(newest_revision()).down_revision
        command.upgrade(config, revision)
        connection.commit()
    copy_rows(database_url, url)
    migrate(url)
    with psycopg.connect(libpq_url(url)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (newest_revision(),)
    engine.dispose()
    async with open_runtime(settings, url, make_jobs(url)) as runtime:
        transport = httpx.ASGITransport(create_app(runtime))
        somebody = await sign_in_to(runtime, Role.ADMINISTRATOR)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", **somebody) as other:
            known = -1 if revision == BEFORE else len(before)  # who the copies of an agent are, is told since 0013
            assert (await answers(other, sensor, times))[:known] == before[:known]


def test_a_database_that_is_newer_than_the_program_is_left_alone(make_database):
    url = make_database()
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(
            DatabaseError, match=r"schema is 9999, newer than this release, which knows up to .*restore"
        ):
            migrate(url)
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)
