"""Reasons of measurements and events, and those of each sensor's newest window.

Revision ID: 0003
"""

from alembic import op

revision = "0003"
down_revision = "0002"

COLUMNS = """
ALTER TABLE measurement ADD COLUMN reasons jsonb;
ALTER TABLE event ADD COLUMN reasons jsonb NOT NULL DEFAULT '[]';
ALTER TABLE sensor ADD COLUMN last_reasons jsonb;
"""


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(COLUMNS)
    cursor.close()
