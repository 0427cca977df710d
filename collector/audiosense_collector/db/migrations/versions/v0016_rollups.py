"""Roll-ups of measurements by minute and by hour.

Revision ID: 0016
"""

from alembic import op

revision = "0016"
down_revision = "0015"

COLUMNS = """
    sensor_id uuid NOT NULL,
    time timestamptz NOT NULL,
    windows integer NOT NULL,
    learning integer NOT NULL,
    normal integer NOT NULL,
    anomalous integer NOT NULL,
    stopped integer NOT NULL,
    invalid integer NOT NULL,
    model integer,
    scored integer NOT NULL,
    score_min real,
    score_sum double precision,
    score_max real,
    level_dbfs_min real NOT NULL,
    level_dbfs_sum double precision NOT NULL,
    level_dbfs_max real NOT NULL,
    dominant_hz_min real NOT NULL,
    dominant_hz_sum double precision NOT NULL,
    dominant_hz_max real NOT NULL,
    schema smallint NOT NULL,
    described integer NOT NULL,
    means bytea NOT NULL,
    extremes bytea NOT NULL,
"""

TABLES = f"""
CREATE TABLE rollup_minute ({COLUMNS}
    histogram smallint[],
    CONSTRAINT pk_rollup_minute PRIMARY KEY (sensor_id, time)
) PARTITION BY RANGE (time);
CREATE TABLE rollup_minute_default PARTITION OF rollup_minute DEFAULT;
CREATE TABLE rollup_hour ({COLUMNS}
    histogram integer[],
    CONSTRAINT pk_rollup_hour PRIMARY KEY (sensor_id, time)
) WITH (fillfactor = 60);
ALTER TABLE rollup_minute ALTER COLUMN means SET STORAGE PLAIN, ALTER COLUMN extremes SET STORAGE PLAIN;
ALTER TABLE rollup_hour ALTER COLUMN means SET STORAGE PLAIN, ALTER COLUMN extremes SET STORAGE PLAIN;
"""

# As the days of measurements: a month takes over the rows that the default partition has held so far.
PARTITIONS = """
CREATE FUNCTION make_rollup_partition(month date) RETURNS boolean LANGUAGE plpgsql AS $body$
DECLARE
    name text := 'rollup_minute_' || to_char(month, 'YYYYMM');
    low timestamptz := date_trunc('month', month::timestamp) AT TIME ZONE 'UTC';
    high timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    LOCK TABLE rollup_minute IN SHARE ROW EXCLUSIVE MODE;
    EXECUTE format(
        'CREATE TABLE %I (LIKE rollup_minute INCLUDING DEFAULTS INCLUDING STORAGE) WITH (fillfactor = 85)', name);
    EXECUTE format(
        'WITH moved AS (DELETE FROM rollup_minute_default WHERE time >= %L AND time < %L RETURNING *)'
        ' INSERT INTO %I SELECT * FROM moved', low, high, name);
    EXECUTE format('ALTER TABLE rollup_minute ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, low, high);
    RETURN true;
END
$body$;
CREATE FUNCTION make_rollup_partitions(retention_days integer) RETURNS integer LANGUAGE sql AS $body$
    SELECT count(*) FILTER (WHERE make_rollup_partition(month::date))::integer
    FROM generate_series(
        date_trunc('month', (now() AT TIME ZONE 'UTC') - retention_days * interval '1 day'),
        (now() AT TIME ZONE 'UTC') + interval '1 month', interval '1 month'
    ) AS month
$body$;
"""


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    for script in (TABLES, PARTITIONS):
        cursor.execute(script)
    cursor.close()
