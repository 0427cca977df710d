"""A sensor's own budget of false alarms.

Revision ID: 0007
"""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("ALTER TABLE sensor ADD COLUMN false_alarms_per_week real")
