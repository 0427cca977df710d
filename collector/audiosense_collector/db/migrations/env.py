"""Alembic's environment: migrations run on the connection that ``db.migrate`` gives."""

from alembic import context

from audiosense_collector.db.metadata import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
