"""How far authorised transfers have been paired with their outcomes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.db import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Outcomes written before this named no intent, so pairing begins where the log ends now.
_BEGIN = (
    "INSERT INTO delivery_reconciliation (id, began, next_index) "
    "SELECT 1, size, size FROM (SELECT COALESCE(MAX(size), 0) AS size FROM audit_head) AS head"
)


def upgrade() -> None:
    op.create_table(
        "delivery_reconciliation",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("next_index", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_delivery_reconciliation_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_reconciliation")),
    )
    op.execute(_BEGIN)
