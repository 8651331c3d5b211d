"""Alembic's environment. The caller hands over a connection in `attributes`."""

from __future__ import annotations

from alembic import context

from migrations.metadata import belongs_here, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_name=belongs_here,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
