"""Second factors, and how each session was authenticated."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.db import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _sessions()
    _passkeys()
    _one_time_passwords()
    _recovery_codes()
    _pending_sign_ins()
    _spent_challenges()


def _sessions() -> None:
    """Until now every session was opened with a password, when it was made."""
    op.add_column("sign_in_sessions", _text("acr", "urn:sumun:acr:password"))
    op.add_column("sign_in_sessions", _text("amr", "pwd"))
    op.add_column("sign_in_sessions", sa.Column("authenticated_at", UtcDateTime(), nullable=True))
    op.add_column("sign_in_sessions", sa.Column("stepped_up_at", UtcDateTime(), nullable=True))
    op.execute("UPDATE sign_in_sessions SET authenticated_at = created_at")
    with op.batch_alter_table("sign_in_sessions") as batch:
        batch.alter_column("authenticated_at", existing_type=UtcDateTime(), nullable=False)


def _passkeys() -> None:
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        _person("passkeys"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkeys_credential_id")),
    )
    op.create_index("ix_passkeys_person_id", "passkeys", ["person_id"])


def _one_time_passwords() -> None:
    op.create_table(
        "one_time_passwords",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        _person("one_time_passwords"),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_one_time_passwords")),
    )


def _recovery_codes() -> None:
    op.create_table(
        "recovery_codes",
        sa.Column("code_sha256", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        _person("recovery_codes"),
        sa.PrimaryKeyConstraint("code_sha256", name=op.f("pk_recovery_codes")),
    )
    op.create_index("ix_recovery_codes_person_id", "recovery_codes", ["person_id"])


def _pending_sign_ins() -> None:
    op.create_table(
        "pending_sign_ins",
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("device", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_pending_sign_ins_window")),
        _person("pending_sign_ins"),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_pending_sign_ins")),
    )
    op.create_index("ix_pending_sign_ins_person_id", "pending_sign_ins", ["person_id"])


def _spent_challenges() -> None:
    op.create_table(
        "spent_challenges",
        sa.Column("challenge_sha256", sa.String(length=64), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("challenge_sha256", name=op.f("pk_spent_challenges")),
    )
    op.create_index("ix_spent_challenges_expires_at", "spent_challenges", ["expires_at"])


def _person(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f(f"fk_{table}_person_id"))


def _text(name: str, default: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=40), nullable=False, server_default=default)
