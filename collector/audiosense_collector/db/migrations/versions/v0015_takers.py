"""Which processes' batches were taken under a credential, the present one and each that was replaced.

Revision ID: 0015
"""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute("ALTER TABLE agent ADD COLUMN takers jsonb")
    op.execute("ALTER TABLE agent_credential ADD COLUMN takers jsonb")
