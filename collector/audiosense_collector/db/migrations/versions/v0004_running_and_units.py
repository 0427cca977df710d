"""Sensors: running level and settling, quantity and calibration, and the latest levels in other units.

Revision ID: 0004
"""

from alembic import op

revision = "0004"
down_revision = "0003"

COLUMNS = """
ALTER TABLE sensor
    ADD COLUMN running_level jsonb,
    ADD COLUMN agent_running_level jsonb,
    ADD COLUMN settling_windows integer,
    ADD COLUMN quantity varchar NOT NULL DEFAULT 'sound_pressure',
    ADD COLUMN full_scale double precision,
    ADD COLUMN last_level_a_dbfs real,
    ADD COLUMN last_velocity_db real;
"""


def upgrade() -> None:
    op.execute(COLUMNS)
