"""With which key an agent enrolled, and how its batches came.

Revision ID: 0029
"""

from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Add the columns; what an agent did before is not known."""
    op.execute("ALTER TABLE agent ADD COLUMN enrolment_key_id uuid, ADD COLUMN link jsonb")
