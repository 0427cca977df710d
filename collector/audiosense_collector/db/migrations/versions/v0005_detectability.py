"""Probes of the agents' synthetic faults, and what each model hears of them.

Revision ID: 0005
"""

from alembic import op

revision = "0005"
down_revision = "0004"

TABLES = """
CREATE TABLE probe_set (
    sensor_id uuid NOT NULL CONSTRAINT pk_probe_set PRIMARY KEY
        CONSTRAINT fk_probe_set_sensor_id_sensor REFERENCES sensor (id),
    created timestamptz NOT NULL,
    schema_id varchar NOT NULL,
    seed bigint NOT NULL,
    kinds text[] NOT NULL,
    kind bytea NOT NULL,
    level_db bytea NOT NULL,
    window_us bytea NOT NULL,
    features bytea NOT NULL
);
CREATE TABLE detectability (
    digest varchar NOT NULL CONSTRAINT pk_detectability PRIMARY KEY
        CONSTRAINT fk_detectability_digest_model REFERENCES model (digest),
    created timestamptz NOT NULL,
    probes_created timestamptz NOT NULL,
    report jsonb NOT NULL
);
"""


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(TABLES)
    cursor.close()
