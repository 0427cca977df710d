"""The distribution of a model's baseline, which drift is measured against; older models have none.

Revision ID: 0006
"""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute("ALTER TABLE model ADD COLUMN reference_bins bytea")
    cursor.close()
