"""Outside identities linked to people, the flows to providers, and what providers state."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.db import UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _linked_identities()
    _provider_flows()
    _waiting_identities()
    _provider_statements()


def _linked_identities() -> None:
    table = "linked_identities"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("label", sa.String(length=254), nullable=False),
        sa.Column("linked_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        _key(table, "person_id", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    live = sa.text("ended_at IS NULL")
    for name, columns in (("subject", ["issuer", "subject"]), ("person", ["person_id", "issuer"])):
        op.create_index(
            f"ux_{table}_{name}",
            table,
            columns,
            unique=True,
            sqlite_where=live,
            postgresql_where=live,
        )


def _provider_flows() -> None:
    table = "provider_flows"
    op.create_table(
        table,
        sa.Column("state_sha256", sa.String(length=64), nullable=False),
        sa.Column("browser_sha256", sa.String(length=64), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("next", sa.String(length=2000), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        _key(table, "session_id", "sign_in_sessions"),
        sa.PrimaryKeyConstraint("state_sha256", name=op.f(f"pk_{table}")),
    )
    op.create_index(f"ix_{table}_expires_at", table, ["expires_at"])


def _waiting_identities() -> None:
    table = "waiting_identities"
    op.create_table(
        table,
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("proven", sa.JSON(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f(f"pk_{table}")),
    )
    op.create_index(f"ix_{table}_expires_at", table, ["expires_at"])


def _provider_statements() -> None:
    table = "provider_statements"
    op.create_table(
        table,
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("claim", sa.String(length=200), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("stated_at", UtcDateTime(), nullable=False),
        _key(table, "membership_id", "memberships"),
        sa.PrimaryKeyConstraint("membership_id", name=op.f(f"pk_{table}")),
    )


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))
