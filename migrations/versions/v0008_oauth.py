"""OAuth: registered programs, and what they are handed."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from gateway.db import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _clients()
    _requests()
    _tokens()


def _clients() -> None:
    clients = op.create_table(
        "oauth_clients",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("responsible_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("auth_method", sa.String(24), nullable=False),
        sa.Column("secret_sha256", sa.String(64), nullable=True),
        sa.Column("jwks", sa.JSON(), nullable=False),
        sa.Column("redirect_uris", sa.JSON(), nullable=False),
        sa.Column("scope", sa.String(200), nullable=False),
        sa.Column("id_token_alg", sa.String(8), nullable=False),
        sa.Column("dpop_required", sa.Boolean(), nullable=False),
        sa.Column("networks", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("warned_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "kind <> 'machine' OR (responsible_id IS NOT NULL AND organisation_id IS NOT NULL "
            "AND auth_method = 'private_key_jwt')",
            name=op.f("ck_oauth_clients_machine_is_answered_for"),
        ),
        *_foreign("oauth_clients", organisation_id="organisations", responsible_id="people"),
        *_foreign("oauth_clients", created_by="people"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_clients")),
    )
    op.create_index("ix_oauth_clients_organisation_id", "oauth_clients", ["organisation_id"])
    op.bulk_insert(clients, [_CLI])


_CLI = {
    "id": "sumun-cli",
    "organisation_id": None,
    "responsible_id": None,
    "name": "sumun",
    "kind": "native",
    "auth_method": "none",
    "secret_sha256": None,
    "jwks": {"keys": []},
    "redirect_uris": [],
    "scope": "openid profile email offline_access read write download",
    "id_token_alg": "RS256",
    "dpop_required": True,
    "networks": [],
    "created_by": None,
    "created_at": datetime(2026, 1, 1, tzinfo=UTC),
    "expires_at": datetime(9999, 1, 1, tzinfo=UTC),
    "warned_at": None,
    "ended_at": None,
}


def _requests() -> None:
    op.create_table(
        "oauth_pushed_requests",
        sa.Column("uri_sha256", sa.String(64), nullable=False),
        sa.Column("client_id", sa.String(64), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        *_foreign("oauth_pushed_requests", client_id="oauth_clients"),
        sa.PrimaryKeyConstraint("uri_sha256", name=op.f("pk_oauth_pushed_requests")),
    )
    op.create_table(
        "oauth_codes",
        sa.Column("code_sha256", sa.String(64), nullable=False),
        sa.Column("client_id", sa.String(64), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("scope", sa.String(200), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("challenge", sa.String(43), nullable=False),
        sa.Column("dpop_jkt", sa.String(43), nullable=True),
        sa.Column("auth_time", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        *_foreign("oauth_codes", client_id="oauth_clients", person_id="people"),
        *_foreign("oauth_codes", session_id="sign_in_sessions"),
        sa.PrimaryKeyConstraint("code_sha256", name=op.f("pk_oauth_codes")),
    )
    op.create_table(
        "oauth_device_codes",
        sa.Column("device_sha256", sa.String(64), nullable=False),
        sa.Column("user_code_sha256", sa.String(64), nullable=False),
        sa.Column("client_id", sa.String(64), nullable=False),
        sa.Column("scope", sa.String(200), nullable=False),
        sa.Column("dpop_jkt", sa.String(43), nullable=True),
        sa.Column("interval_seconds", sa.BigInteger(), nullable=False),
        sa.Column("polled_at", UtcDateTime(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("auth_time", UtcDateTime(), nullable=True),
        sa.Column("approved", sa.Boolean(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        *_foreign("oauth_device_codes", client_id="oauth_clients", person_id="people"),
        sa.PrimaryKeyConstraint("device_sha256", name=op.f("pk_oauth_device_codes")),
        sa.UniqueConstraint(
            "user_code_sha256", name=op.f("uq_oauth_device_codes_user_code_sha256")
        ),
    )
    for table in ("oauth_pushed_requests", "oauth_codes", "oauth_device_codes"):
        op.create_index(op.f(f"ix_{table}_expires_at"), table, ["expires_at"])


def _tokens() -> None:
    op.create_table(
        "oauth_tokens",
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.String(64), nullable=False),
        sa.Column("scope", sa.String(200), nullable=False),
        sa.Column("dpop_jkt", sa.String(43), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        *_foreign("oauth_tokens", session_id="sign_in_sessions", client_id="oauth_clients"),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_oauth_tokens")),
    )
    op.create_index("ix_oauth_tokens_session_id", "oauth_tokens", ["session_id"])
    op.create_table(
        "oauth_seen_identifiers",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_oauth_seen_identifiers")),
    )
    for table in ("oauth_tokens", "oauth_seen_identifiers"):
        op.create_index(op.f(f"ix_{table}_expires_at"), table, ["expires_at"])


def _foreign(table: str, **columns: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([name], [f"{target}.id"], name=op.f(f"fk_{table}_{name}"))
        for name, target in columns.items()
    ]
