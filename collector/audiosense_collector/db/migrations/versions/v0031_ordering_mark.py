"""Until when minutes were moved together.

Revision ID: 0031
"""

from alembic import op

revision = "0031"
down_revision = "0030"

TABLE = """
CREATE TABLE ordering_mark (
    name varchar CONSTRAINT pk_ordering_mark PRIMARY KEY,
    ordered_before timestamptz NOT NULL
);
"""


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(TABLE)
    cursor.close()
