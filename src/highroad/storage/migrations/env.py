"""What Alembic runs around the migrations: on the connection that `highroad.storage.migrate` hands it."""

from __future__ import annotations

from alembic import context

from highroad.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
