"""Gaps that agents tell.

Revision ID: 0012
"""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE gap (
            id bigserial NOT NULL,
            agent_id uuid NOT NULL,
            epoch uuid NOT NULL,
            number bigint NOT NULL,
            sensor_id uuid,
            reason varchar NOT NULL,
            windows bigint,
            first timestamptz,
            last timestamptz,
            first_seq bigint,
            last_seq bigint,
            told timestamptz NOT NULL,
            CONSTRAINT pk_gap PRIMARY KEY (id),
            CONSTRAINT uq_gap_agent_id_epoch_number UNIQUE (agent_id, epoch, number),
            CONSTRAINT fk_gap_agent_id_agent FOREIGN KEY (agent_id) REFERENCES agent (id) ON DELETE CASCADE,
            CONSTRAINT fk_gap_sensor_id_sensor FOREIGN KEY (sensor_id) REFERENCES sensor (id) ON DELETE CASCADE
        )
    """)
    op.execute("CREATE INDEX ix_gap_sensor_id ON gap (sensor_id, id)")
