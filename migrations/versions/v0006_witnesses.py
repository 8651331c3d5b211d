"""The log: cosignatures of witnesses, and how each of them answered last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from audit.schema.witnesses import POSTGRES_DDL, SQLITE_DDL
from gateway.db import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "witness_answers",
        sa.Column("vkey", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("ending", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("vkey", name=op.f("pk_witness_answers")),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_DDL if sqlite else POSTGRES_DDL:
        op.get_bind().exec_driver_sql(statement if sqlite else statement.replace("%", "%%"))
