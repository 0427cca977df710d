"""Migrations on a real PostgreSQL."""

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from audiosense_collector.db.engine import make_sync_engine
from audiosense_collector.db.metadata import metadata
from audiosense_collector.db.migrate import migrate, newest_revision


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
