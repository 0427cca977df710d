"""Whether the model that a sensor runs is on probation.

Revision ID: 0014
"""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute("ALTER TABLE sensor ADD COLUMN running_state varchar")
