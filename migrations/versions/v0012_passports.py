"""Visas of outside issuers, beside the evidence that each became."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.db import UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table = "taken_visas"
    text = [(name, 255) for name in ("issuer", "type", "value", "source")]
    op.create_table(
        table,
        sa.Column("attestation_id", sa.Uuid(), nullable=False),
        sa.Column("identity_id", sa.Uuid(), nullable=False),
        *(
            sa.Column(name, sa.String(length=length), nullable=False)
            for name, length in [*text, ("authority", 8)]
        ),
        sa.Column("asserted_at", UtcDateTime(), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=False),
        _key(table, "attestation_id", "attestations"),
        _key(table, "identity_id", "linked_identities"),
        sa.PrimaryKeyConstraint("attestation_id", name=op.f(f"pk_{table}")),
    )
    op.create_index(f"ix_{table}_identity_id", table, ["identity_id"])


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))
