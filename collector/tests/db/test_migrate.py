"""Migrations on a real PostgreSQL."""

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from audiosense_collector.db.engine import make_sync_engine
from audiosense_collector.db.metadata import metadata
from audiosense_collector.db.migrate import make_config, migrate, newest_revision


def test_an_empty_database_gets_the_tables_that_the_code_declares(make_database):
    url = make_database(migrated=False)
    migrate(url)
    migrate(url)
    engine = make_sync_engine(url)
    with engine.connect() as connection:
        names = set(metadata.tables)
        context = MigrationContext.configure(
            connection,
            opts={"include_object": lambda _o, name, kind, *_: kind != "table" or name in names},
        )
        assert context.get_current_revision() == newest_revision()
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_times_pass_through_the_database_to_the_microsecond(database_url):
    engine = make_sync_engine(database_url)
    with engine.connect() as connection:
        for time_us in (0, 1, 1_795_444_444_123_457, 253_402_300_799_999_999):
            assert connection.scalar(sa.text("SELECT to_us(from_us(:us))"), {"us": time_us}) == time_us
    engine.dispose()


MEASUREMENT = """
INSERT INTO measurement (sensor_id, time, epoch, seq, level_dbfs, dominant_hz, status, schema, clock_suspect, features)
VALUES (gen_random_uuid(), :time, gen_random_uuid(), 1, -30, 100, 2, 1, false, '')
"""
EVENT = """
WITH place AS (INSERT INTO site (id, name) VALUES (gen_random_uuid(), :name) RETURNING id),
made AS (INSERT INTO machine (id, site_id, name) SELECT gen_random_uuid(), id, 'Pump' FROM place RETURNING id),
heard AS (
    INSERT INTO sensor (id, machine_id, name, created, sample_rate_hz, window_s, schema_id, source, baseline_since)
    SELECT gen_random_uuid(), id, 'drive end', now(), 16000, 5, 'audiosense-1', 'simulator', now() FROM made
    RETURNING id
)
INSERT INTO event (id, sensor_id, revision, state, start, "end", peak, peak_score, threshold, windows, model_digest)
SELECT gen_random_uuid(), id, 1, 'open', now(), now(), now(), 0.9, 0.5, 3, '' FROM heard
"""


def test_rows_of_the_release_before_reasons_stay_and_it_can_still_write(make_database):
    url = make_database(migrated=False)
    engine = make_sync_engine(url)
    with engine.connect() as connection:
        command.upgrade(make_config(connection), "0002")
        connection.execute(sa.text(MEASUREMENT), {"time": "2033-05-18"})
        connection.execute(sa.text(EVENT), {"name": "before"})
        connection.commit()
    migrate(url)
    with engine.connect() as connection:
        connection.execute(sa.text(MEASUREMENT), {"time": "2033-05-18"})
        connection.execute(sa.text(EVENT), {"name": "after"})
        assert connection.scalar(sa.text("SELECT make_measurement_partition('2033-05-18')"))
        assert connection.execute(sa.text("SELECT reasons FROM measurement_20330518")).all() == [(None,), (None,)]
        assert connection.execute(sa.text("SELECT reasons FROM event")).all() == [([],), ([],)]
    engine.dispose()
