"""Notes and maintenance of machines.

Revision ID: 0026
"""

from alembic import op

revision = "0026"
down_revision = "0025"

TABLE = """
CREATE TABLE note (
    id uuid NOT NULL CONSTRAINT pk_note PRIMARY KEY,
    machine_id uuid NOT NULL CONSTRAINT fk_note_machine_id_machine REFERENCES machine (id),
    sensor_id uuid CONSTRAINT fk_note_sensor_id_sensor REFERENCES sensor (id),
    kind varchar NOT NULL CONSTRAINT ck_note_kind CHECK (kind IN ('note', 'maintenance')),
    start timestamptz NOT NULL,
    "end" timestamptz,
    text varchar NOT NULL,
    author varchar NOT NULL,
    created timestamptz NOT NULL,
    edited timestamptz,
    deleted timestamptz,
    CONSTRAINT ck_note_span CHECK ("end" > start)
);
CREATE INDEX ix_note_machine_id_start ON note (machine_id, start);
CREATE INDEX ix_note_maintenance ON note (machine_id, "end") WHERE kind = 'maintenance' AND deleted IS NULL;
"""


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(TABLE)
    cursor.close()
