"""Partitions that are made without holding up ingest; from when on rows are complete; roll-ups that are to be made.

Revision ID: 0018
"""

from alembic import op

revision = "0018"
down_revision = "0016"

TABLES = """
CREATE TABLE retention_mark (
    name varchar CONSTRAINT pk_retention_mark PRIMARY KEY,
    complete_since timestamptz NOT NULL
);
CREATE TABLE rollup_rebuild (
    sensor_id uuid CONSTRAINT pk_rollup_rebuild PRIMARY KEY,
    asked timestamptz NOT NULL,
    done_before timestamptz
);
CREATE INDEX ix_event_open ON event (sensor_id) WHERE state <> 'close';
CREATE INDEX ix_agent_name_created_id ON agent (name, created, id);
CREATE INDEX ix_agent_check_bad ON agent_check (subject) WHERE state IN ('failed', 'warning');
CREATE INDEX ix_model_created_digest ON model (created, digest);
INSERT INTO rollup_rebuild (sensor_id, asked) SELECT id, now() FROM sensor WHERE measurements > 0;
"""

# Only the default partition is locked, which ingest of the present does not touch, and no longer than two seconds are
# waited for it. Its lock comes first and at its full strength: to raise it later could be a deadlock with a reader that
# goes on to write. Attaching takes of the parent what rows can be written and read under.
PARTITIONS = """
CREATE FUNCTION attach_partition(
    parent text, name text, low timestamptz, high timestamptz, options text
) RETURNS boolean LANGUAGE plpgsql SET lock_timeout = '2s' AS $body$
BEGIN
    PERFORM pg_advisory_xact_lock(4150771102);
    IF EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass(name)) THEN
        RETURN false;
    END IF;
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', parent || '_default');
    IF to_regclass(name) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING STORAGE) %s', name, parent, options);
    END IF;
    EXECUTE format('ALTER TABLE %I ADD CONSTRAINT in_range CHECK (time >= %L AND time < %L)', name, low, high);
    EXECUTE format(
        'WITH moved AS (DELETE FROM %I WHERE time >= %L AND time < %L RETURNING *)'
        ' INSERT INTO %I SELECT * FROM moved ON CONFLICT DO NOTHING', parent || '_default', low, high, name);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, name, low, high);
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT in_range', name);
    RETURN true;
END
$body$;
CREATE OR REPLACE FUNCTION make_measurement_partition(day date) RETURNS boolean LANGUAGE sql AS $body$
    SELECT attach_partition('measurement', 'measurement_' || to_char(day, 'YYYYMMDD'),
        day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC', '')
$body$;
CREATE OR REPLACE FUNCTION make_rollup_partition(month date) RETURNS boolean LANGUAGE sql AS $body$
    SELECT attach_partition('rollup_minute', 'rollup_minute_' || to_char(month, 'YYYYMM'),
        date_trunc('month', month::timestamp) AT TIME ZONE 'UTC',
        (date_trunc('month', month::timestamp) + interval '1 month') AT TIME ZONE 'UTC', 'WITH (fillfactor = 85)')
$body$;
"""


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    for script in (TABLES, PARTITIONS):
        cursor.execute(script)
    cursor.close()
