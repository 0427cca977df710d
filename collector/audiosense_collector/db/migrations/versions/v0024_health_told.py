"""When a sensor's checks said last that it hears as it should, beside its latest measurement.

Revision ID: 0024
"""

from alembic import op

revision = "0024"
down_revision = "0023"

TOLD = """
ALTER TABLE sensor ADD COLUMN health_told timestamptz;
UPDATE sensor SET health_told = c.told
FROM (SELECT subject, max(told) AS told FROM agent_check WHERE state = 'ok' AND key <> 'model' GROUP BY subject) AS c
WHERE c.subject = sensor.id;
"""


def upgrade() -> None:
    """Add the column, and fill it from what is known."""
    op.execute(TOLD)
