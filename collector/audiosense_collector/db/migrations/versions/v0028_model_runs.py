"""When agents ran which model, and with which model an evaluation compares.

What runs now is known to run, but not since when: its run is told from the model's creation on, since agents take a
model within two batch intervals. The releases before write no runs; what changes while one of them still serves is
told from the change after it on.

Revision ID: 0028
"""

from alembic import op

revision = "0028"
down_revision = "0027"

TABLE = """
CREATE TABLE model_run (
    sensor_id uuid NOT NULL CONSTRAINT fk_model_run_sensor_id_sensor REFERENCES sensor (id) ON DELETE CASCADE,
    began timestamptz NOT NULL,
    ended timestamptz,
    digest varchar NOT NULL,
    agent_id uuid NOT NULL,
    CONSTRAINT pk_model_run PRIMARY KEY (sensor_id, began)
);
CREATE UNIQUE INDEX ix_model_run_open ON model_run (sensor_id) WHERE ended IS NULL;
CREATE INDEX ix_model_run_digest ON model_run (digest);
INSERT INTO model_run (sensor_id, began, digest, agent_id)
SELECT s.id, coalesce(m.created, now()), s.running_digest, s.agent_id
FROM sensor s LEFT JOIN model m ON m.digest = s.running_digest
WHERE s.running_digest IS NOT NULL AND s.agent_id IS NOT NULL;
ALTER TABLE model_evaluation ADD COLUMN with_digest varchar;
"""


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(TABLE)
    cursor.close()
