"""Pages of roll-ups are filled: their rows are never changed in place.

A roll-up that measurements reach is taken out and put in anew, wherever there is room, so what pages left free was only
ever left free: two fifths of each page of hours. Takes a lock that readers and ingest do not notice. Pages that are
there stay as they are; those of a distributed table are another server's, and stay as well.

Revision ID: 0033
"""

from alembic import op

revision = "0033"
down_revision = "0032"

FULL = """
DO $body$
DECLARE
    part regclass;
BEGIN
    IF NOT is_distributed('rollup_hour') THEN
        ALTER TABLE rollup_hour RESET (fillfactor);
    END IF;
    IF NOT is_distributed('rollup_minute') THEN
        FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'rollup_minute'::regclass LOOP
            EXECUTE format('ALTER TABLE %s RESET (fillfactor)', part);
        END LOOP;
    END IF;
END
$body$;
"""

NEW = """
CREATE OR REPLACE FUNCTION make_local_rollup_partition(month date) RETURNS boolean LANGUAGE sql AS $body$
    SELECT attach_partition('rollup_minute', 'rollup_minute_' || to_char(month, 'YYYYMM'),
        date_trunc('month', month::timestamp) AT TIME ZONE 'UTC',
        (date_trunc('month', month::timestamp) + interval '1 month') AT TIME ZONE 'UTC', '')
$body$;
CREATE OR REPLACE FUNCTION make_rollup_partition(month date) RETURNS boolean LANGUAGE plpgsql AS $body$
DECLARE
    first timestamp := date_trunc('month', month::timestamp);
BEGIN
    IF NOT is_distributed('rollup_minute') THEN
        RETURN make_local_rollup_partition(month);
    END IF;
    RETURN make_distributed_partition(
        'rollup_minute', 'rollup_minute_' || to_char(month, 'YYYYMM'),
        first AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC', '');
END
$body$;
"""


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    for script in (FULL, NEW):
        cursor.execute(script)
    cursor.close()
