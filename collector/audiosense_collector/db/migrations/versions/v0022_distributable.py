"""What a database that is distributed over several servers needs: partitions that are made there, numbers by sequence.

Revision ID: 0022
"""

from alembic import op

revision = "0022"
down_revision = "0020"

# Citus takes no identity columns of these widths; a serial column's default goes on where the numbers are.
NUMBERED = """
LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE;
ALTER TABLE {table} ALTER COLUMN id DROP IDENTITY IF EXISTS;
CREATE SEQUENCE {table}_id_seq AS {kind} OWNED BY {table}.id;
SELECT setval('{table}_id_seq', coalesce(max(id), 0) + 1, false) FROM {table};
ALTER TABLE {table} ALTER COLUMN id SET DEFAULT nextval('{table}_id_seq');
"""

# A distributed table's partitions are made by the parent, on all servers at once, over one connection to each: rows
# that the default partition has held so far step aside meanwhile.
DISTRIBUTED = """
CREATE FUNCTION is_distributed(relation regclass) RETURNS boolean LANGUAGE plpgsql STABLE AS $body$
DECLARE
    found boolean;
BEGIN
    IF to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE 'SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_partition WHERE logicalrelid = $1)'
        INTO found USING relation;
    RETURN found;
END
$body$;
CREATE FUNCTION make_distributed_partition(
    parent text, name text, low timestamptz, high timestamptz, options text
) RETURNS boolean LANGUAGE plpgsql AS $body$
DECLARE
    moved bigint;
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
    PERFORM set_config('citus.max_adaptive_executor_pool_size', '1', true);
    EXECUTE format('LOCK TABLE %I IN SHARE ROW EXCLUSIVE MODE', parent);
    EXECUTE format(
        'CREATE TEMPORARY TABLE stepped_aside AS SELECT * FROM %I WHERE time >= %L AND time < %L',
        parent || '_default', low, high);
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved > 0 THEN
        EXECUTE format('DELETE FROM %I WHERE time >= %L AND time < %L', parent || '_default', low, high);
    END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L) %s', name, parent, low, high, options);
    IF moved > 0 THEN
        EXECUTE format('INSERT INTO %I SELECT * FROM stepped_aside', parent);
    END IF;
    DROP TABLE stepped_aside;
    RETURN true;
END
$body$;
"""

# The local ways stay as they are, under other names; the names that are called choose.
CHOICE = """
ALTER FUNCTION make_measurement_partition(date) RENAME TO make_local_measurement_partition;
CREATE FUNCTION make_measurement_partition(day date) RETURNS boolean LANGUAGE plpgsql AS $body$
BEGIN
    IF NOT is_distributed('measurement') THEN
        RETURN make_local_measurement_partition(day);
    END IF;
    RETURN make_distributed_partition(
        'measurement', 'measurement_' || to_char(day, 'YYYYMMDD'),
        day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC', '');
END
$body$;
ALTER FUNCTION make_rollup_partition(date) RENAME TO make_local_rollup_partition;
CREATE FUNCTION make_rollup_partition(month date) RETURNS boolean LANGUAGE plpgsql AS $body$
DECLARE
    first timestamp := date_trunc('month', month::timestamp);
BEGIN
    IF NOT is_distributed('rollup_minute') THEN
        RETURN make_local_rollup_partition(month);
    END IF;
    RETURN make_distributed_partition(
        'rollup_minute', 'rollup_minute_' || to_char(month, 'YYYYMM'),
        first AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC', 'WITH (fillfactor = 85)');
END
$body$;
"""


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    for table, kind in (("model_digest", "integer"), ("feature_schema", "smallint")):
        cursor.execute(NUMBERED.format(table=table, kind=kind))
    for script in (DISTRIBUTED, CHOICE):
        cursor.execute(script)
    cursor.close()
