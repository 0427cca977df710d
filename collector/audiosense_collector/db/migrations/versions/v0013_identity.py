"""Credentials that are rotated, copies of an agent, keys that may replace one.

Revision ID: 0013
"""

from alembic import op

revision = "0013"
down_revision = "0012"

TABLES = """
ALTER TABLE agent
    ADD COLUMN earlier_batches jsonb,
    ADD COLUMN instance uuid,
    ADD COLUMN address varchar,
    ADD COLUMN accepted_instance uuid,
    ADD COLUMN quarantine_evidence jsonb,
    ADD COLUMN credential_since timestamptz,
    ADD COLUMN rotation_asked timestamptz,
    ADD COLUMN replaced_by uuid,
    ADD COLUMN enrolment_sha256 bytea CONSTRAINT uq_agent_enrolment_sha256 UNIQUE;
ALTER TABLE enrolment_key ADD COLUMN may_replace boolean NOT NULL DEFAULT false;
CREATE TABLE agent_credential (
    sha256 bytea NOT NULL CONSTRAINT pk_agent_credential PRIMARY KEY,
    agent_id uuid NOT NULL CONSTRAINT fk_agent_credential_agent_id_agent REFERENCES agent (id) ON DELETE CASCADE,
    state varchar NOT NULL,
    since timestamptz NOT NULL
);
CREATE INDEX ix_agent_credential_agent_id ON agent_credential (agent_id);
CREATE TABLE agent_copy (
    agent_id uuid NOT NULL CONSTRAINT fk_agent_copy_agent_id_agent REFERENCES agent (id) ON DELETE CASCADE,
    instance uuid NOT NULL,
    address varchar,
    cause varchar NOT NULL,
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    waiting bigint,
    CONSTRAINT pk_agent_copy PRIMARY KEY (agent_id, instance)
);
"""


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(TABLES)
    cursor.close()
