"""An upgrade while a backup holds its locks: the release that still runs is not held up for long."""

import threading
import time
from contextlib import closing

import pytest
import sqlalchemy as sa
from alembic import command

from audiosense_collector.db.engine import make_sync_engine
from audiosense_collector.db.migrate import make_config, migrate, newest_revision
from audiosense_collector.errors import DatabaseError

WAIT_S = 0.5
WRITE = sa.text("UPDATE agent SET version = version")


@pytest.fixture
def earlier(make_database):
    """A database of an earlier release, with a backup at work: its locks are those that pg_dump takes."""
    engine = make_sync_engine(make_database(migrated=False))
    with engine.connect() as connection:
        command.upgrade(make_config(connection), "0011")
        connection.commit()
    with engine.connect() as backup:
        backup.execute(sa.text("SET application_name = 'nightly backup'"))
        backup.execute(sa.text("LOCK TABLE agent IN ACCESS SHARE MODE"))
        yield engine, backup
    engine.dispose()


def revision(engine):
    with engine.connect() as connection:
        return connection.scalar(sa.text("SELECT version_num FROM alembic_version"))


def writes_during(engine, done):
    """Write as the running release does until ``done``; returns the seconds that each write took."""
    took = []
    with engine.connect() as connection:
        while not done.wait(0.01) and len(took) < 2_000:
            began = time.monotonic()
            connection.execute(WRITE)
            connection.commit()
            took.append(time.monotonic() - began)
    return took


def start(url):
    errors = []

    def run():
        try:
            migrate(url, lock_timeout_s=WAIT_S, tries=4)
        except DatabaseError as error:
            errors.append(str(error))
        finally:
            done.set()

    done = threading.Event()
    threading.Thread(target=run).start()
    return done, errors


def test_behind_a_backup_an_upgrade_gives_way_and_says_who_holds_the_locks(earlier):
    engine, _ = earlier
    done, errors = start(engine.url.render_as_string(hide_password=False))
    took = writes_during(engine, done)
    assert max(took) > WAIT_S / 2, "the upgrade did wait for its lock"
    assert max(took) < 20 * WAIT_S, "and let the writers pass in between; the backup never ends"
    assert len(took) > 20
    (error,) = errors
    assert "nightly backup" in error
    assert "start again" in error
    assert revision(engine) in {"0011", "0012"}, "whole migrations or none"


def test_an_upgrade_goes_on_by_itself_when_the_backup_has_ended(earlier):
    engine, backup = earlier
    done, errors = start(engine.url.render_as_string(hide_password=False))
    with closing(backup):
        time.sleep(1.5 * WAIT_S)
        assert not done.is_set()
    assert done.wait(120)
    assert errors == []
    assert revision(engine) == newest_revision()
    with engine.connect() as connection:
        # The server is shared: other databases' locks are none of this one's.
        here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        held = f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND {here}"
        assert connection.scalar(sa.text(held)) == 0
