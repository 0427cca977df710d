"""Exports that jobs write, and evaluations of models.

Revision ID: 0023
"""

from alembic import op

revision = "0023"
down_revision = "0022"

TABLES = """
CREATE TABLE export (
    id uuid NOT NULL CONSTRAINT pk_export PRIMARY KEY,
    job_id bigint NOT NULL,
    asked timestamptz NOT NULL,
    actor varchar NOT NULL,
    sensors uuid[] NOT NULL,
    span_from timestamptz NOT NULL,
    span_to timestamptz NOT NULL,
    resolution varchar NOT NULL,
    format varchar NOT NULL,
    features text[] NOT NULL,
    file varchar,
    rows bigint,
    bytes bigint,
    finished timestamptz,
    expires timestamptz
);
CREATE INDEX ix_export_asked_id ON export (asked, id);
CREATE TABLE model_evaluation (
    id uuid NOT NULL CONSTRAINT pk_model_evaluation PRIMARY KEY,
    digest varchar NOT NULL CONSTRAINT fk_model_evaluation_digest_model REFERENCES model (digest) ON DELETE CASCADE,
    sensor_id uuid NOT NULL CONSTRAINT fk_model_evaluation_sensor_id_sensor REFERENCES sensor (id) ON DELETE CASCADE,
    job_id bigint NOT NULL,
    asked timestamptz NOT NULL,
    span_from timestamptz NOT NULL,
    span_to timestamptz NOT NULL,
    finished timestamptz,
    report jsonb
);
CREATE INDEX ix_model_evaluation_digest_asked ON model_evaluation (digest, asked, id);
"""


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(TABLES)
    cursor.close()
