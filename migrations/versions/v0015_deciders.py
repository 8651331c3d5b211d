"""Whoever decided on an application never holds what came of it, by a moved seat either."""

from __future__ import annotations

from alembic import op

from gateway.applications.ddl import GRANTS_POSTGRES_DDL, GRANTS_SQLITE_DDL

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Grants of before stay; the rule is for every new one."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in GRANTS_SQLITE_DDL if sqlite else GRANTS_POSTGRES_DDL:
        op.get_bind().exec_driver_sql(statement)
