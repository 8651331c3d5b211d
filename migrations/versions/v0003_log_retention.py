"""The log: a signed minimum below which archived entries may be pruned."""

from __future__ import annotations

from alembic import op

from audit.schema.retention import POSTGRES_DDL, SQLITE_DDL

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_DDL if sqlite else POSTGRES_DDL:
        op.get_bind().exec_driver_sql(statement if sqlite else statement.replace("%", "%%"))
