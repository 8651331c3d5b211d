"""Alembic's environment. The caller hands over a connection in `attributes`."""

from __future__ import annotations

from alembic import context

from gateway.db.metadata import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=False,
    compare_type=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
