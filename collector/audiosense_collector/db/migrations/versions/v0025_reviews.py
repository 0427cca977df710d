"""What people say that events were: a history that is only added to, and what holds of each event.

Revision ID: 0025
"""

from alembic import op

revision = "0025"
down_revision = "0024"

# The collector of the release before inserts and updates events by the names of columns, and leaves this one alone.
TABLES = """
CREATE TABLE event_verdict (
    id bigserial NOT NULL CONSTRAINT pk_event_verdict PRIMARY KEY,
    event_id uuid NOT NULL CONSTRAINT fk_event_verdict_event_id_event REFERENCES event (id),
    at timestamptz NOT NULL,
    actor varchar NOT NULL,
    verdict varchar,
    cause varchar,
    comment varchar NOT NULL,
    kept boolean,
    undoes bigint,
    restores bigint
);
CREATE INDEX ix_event_verdict_event_id_id ON event_verdict (event_id, id);
CREATE TRIGGER event_verdict_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON event_verdict
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE event ADD COLUMN verdict_id bigint;
CREATE INDEX ix_event_unreviewed ON event (start) WHERE verdict_id IS NULL;
"""


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(TABLES)
    cursor.close()
