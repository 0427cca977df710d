"""Self-checks of agents.

Revision ID: 0011
"""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE agent_check (
            agent_id uuid NOT NULL,
            subject uuid NOT NULL,
            key varchar NOT NULL,
            state varchar NOT NULL,
            cause varchar,
            evidence jsonb NOT NULL,
            remedy varchar NOT NULL,
            since timestamptz NOT NULL,
            told timestamptz NOT NULL,
            CONSTRAINT pk_agent_check PRIMARY KEY (agent_id, subject, key),
            CONSTRAINT fk_agent_check_agent_id_agent FOREIGN KEY (agent_id) REFERENCES agent (id) ON DELETE CASCADE
        )
    """)
    op.execute("CREATE INDEX ix_agent_check_subject ON agent_check (subject)")
