"""Who made an analysis, what lists show of it, its features as they were scored, and its spectrogram.

Revision ID: 0030
"""

from alembic import op

revision = "0030"
down_revision = "0029"

# Small tables: a recording is analysed by hand. The previous release leaves the new columns null.
CHANGES = """
ALTER TABLE analysis
    ADD COLUMN author varchar,
    ADD COLUMN brief jsonb,
    ADD COLUMN matrix bytea,
    ADD COLUMN picture bytea,
    ADD COLUMN picture_scale jsonb;
CREATE INDEX ix_analysis_created_id ON analysis (created, id);
CREATE INDEX ix_analysis_sensor_id_created ON analysis (sensor_id, created);
"""


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(CHANGES)
    cursor.close()
