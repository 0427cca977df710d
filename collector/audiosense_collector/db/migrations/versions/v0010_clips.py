"""Clips: their sound's files, whose may be kept, and a log of who did what with them that is only added to.

Revision ID: 0010
"""

from alembic import op

revision = "0010"
down_revision = "0007"

TABLES = """
ALTER TABLE site ADD COLUMN clips_allowed boolean;
ALTER TABLE sensor ADD COLUMN clips_allowed boolean;
ALTER TABLE agent ADD COLUMN clips_waiting bigint, ADD COLUMN clips_dropped bigint;
CREATE TABLE clip (
    id uuid NOT NULL CONSTRAINT pk_clip PRIMARY KEY,
    sensor_id uuid NOT NULL CONSTRAINT fk_clip_sensor_id_sensor REFERENCES sensor (id),
    event_id uuid CONSTRAINT fk_clip_event_id_event REFERENCES event (id) CONSTRAINT uq_clip_event_id UNIQUE,
    kind varchar NOT NULL,
    start timestamptz NOT NULL,
    opening timestamptz NOT NULL,
    sample_rate_hz integer NOT NULL,
    frames integer NOT NULL,
    bytes bigint NOT NULL,
    sha256 varchar NOT NULL,
    received timestamptz NOT NULL,
    locked boolean NOT NULL DEFAULT false
);
CREATE INDEX ix_clip_sensor_id_start ON clip (sensor_id, start);
CREATE INDEX ix_clip_sha256 ON clip (sha256);
CREATE INDEX ix_clip_received ON clip (received);
CREATE TABLE clip_audit (
    id bigserial NOT NULL CONSTRAINT pk_clip_audit PRIMARY KEY,
    at timestamptz NOT NULL,
    action varchar NOT NULL,
    actor varchar NOT NULL,
    address varchar NOT NULL,
    sensor_id uuid,
    site_id uuid,
    clip_id uuid,
    detail jsonb NOT NULL
);
CREATE INDEX ix_clip_audit_clip_id_at ON clip_audit (clip_id, at);
CREATE INDEX ix_clip_audit_sensor_id_at ON clip_audit (sensor_id, at);
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME;
END $$;
CREATE TRIGGER clip_audit_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON clip_audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(TABLES)
    cursor.close()
