"""Names of machines and sensors that people choose, tags, and policies.

Revision ID: 0027
"""

from alembic import op

revision = "0027"
down_revision = "0026"

# What each agent told last is what is shown so far: nobody could change it before.
TABLES = """
ALTER TABLE machine ADD COLUMN tags varchar[] NOT NULL DEFAULT '{}';
CREATE INDEX ix_machine_tags ON machine USING gin (tags);
ALTER TABLE sensor
    ADD COLUMN told_name varchar,
    ADD COLUMN told_site varchar,
    ADD COLUMN told_machine varchar,
    ADD COLUMN told_quantity varchar,
    ADD COLUMN told_full_scale double precision;
UPDATE sensor s SET told_site = t.name, told_machine = m.name, told_quantity = s.quantity,
    told_full_scale = s.full_scale
FROM machine m JOIN site t ON t.id = m.site_id WHERE m.id = s.machine_id;
CREATE UNIQUE INDEX uq_sensor_agent_id_told_name ON sensor (agent_id, (coalesce(told_name, name)));
CREATE TABLE site_alias (
    name varchar NOT NULL CONSTRAINT pk_site_alias PRIMARY KEY,
    site_id uuid NOT NULL CONSTRAINT fk_site_alias_site_id_site REFERENCES site (id) ON DELETE CASCADE
);
CREATE TABLE machine_alias (
    site_id uuid NOT NULL CONSTRAINT fk_machine_alias_site_id_site REFERENCES site (id) ON DELETE CASCADE,
    name varchar NOT NULL,
    machine_id uuid NOT NULL CONSTRAINT fk_machine_alias_machine_id_machine REFERENCES machine (id) ON DELETE CASCADE,
    CONSTRAINT pk_machine_alias PRIMARY KEY (site_id, name)
);
CREATE TABLE policy (
    setting varchar NOT NULL CONSTRAINT pk_policy PRIMARY KEY,
    value double precision NOT NULL,
    set_by varchar NOT NULL,
    set_at timestamptz NOT NULL
);
"""


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(TABLES)
    cursor.close()
