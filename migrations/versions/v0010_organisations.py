"""Organisations: invitations, checks by the tax service, documents, provisioning."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.db import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _invitations()
    _checks()
    _documents()
    _tokens()
    _users()
    _groups()


def _invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("mailbox", sa.String(length=254), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=False),
        sa.Column("provisioned", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("used_by", sa.Uuid(), nullable=True),
        sa.Column("membership_id", sa.Uuid(), nullable=True),
        sa.Column("cancelled_at", UtcDateTime(), nullable=True),
        _key("invitations", "organisation_id", "organisations"),
        _key("invitations", "invited_by", "people"),
        _key("invitations", "used_by", "people"),
        _key("invitations", "membership_id", "memberships"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_invitations_token_sha256")),
    )
    _unique_where(
        "ux_invitations_open",
        "invitations",
        ["organisation_id", "mailbox"],
        "used_at IS NULL AND cancelled_at IS NULL",
    )


def _checks() -> None:
    op.create_table(
        "organisation_checks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        _key("organisation_checks", "organisation_id", "organisations"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation_checks")),
    )
    op.create_index(
        "ix_organisation_checks_organisation_id", "organisation_checks", ["organisation_id"]
    )


def _documents() -> None:
    op.create_table(
        "organisation_documents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("uploaded_by", sa.Uuid(), nullable=False),
        sa.Column("uploaded_at", UtcDateTime(), nullable=False),
        _key("organisation_documents", "organisation_id", "organisations"),
        _key("organisation_documents", "uploaded_by", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation_documents")),
        sa.UniqueConstraint(
            "organisation_id",
            "sha256",
            name=op.f("uq_organisation_documents_organisation_id_sha256"),
        ),
    )


def _tokens() -> None:
    op.create_table(
        "provisioning_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.String(length=120), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_by", sa.Uuid(), nullable=True),
        _key("provisioning_tokens", "organisation_id", "organisations"),
        _key("provisioning_tokens", "created_by", "people"),
        _key("provisioning_tokens", "revoked_by", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provisioning_tokens")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_provisioning_tokens_token_sha256")),
    )
    op.create_index(
        "ix_provisioning_tokens_organisation_id", "provisioning_tokens", ["organisation_id"]
    )


def _users() -> None:
    op.create_table(
        "provisioned_users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("user_name", sa.String(length=254), nullable=False),
        sa.Column("user_key", sa.String(length=254), nullable=False),
        sa.Column("external_id", sa.String(length=254), nullable=False),
        sa.Column("display_name", sa.String(length=120), nullable=False),
        sa.Column("emails", sa.JSON(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=True),
        sa.Column("invitation_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        _key("provisioned_users", "organisation_id", "organisations"),
        _key("provisioned_users", "membership_id", "memberships"),
        _key("provisioned_users", "invitation_id", "invitations"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provisioned_users")),
    )
    _unique_where(
        "ux_provisioned_users_live",
        "provisioned_users",
        ["organisation_id", "user_key"],
        "ended_at IS NULL",
    )


def _groups() -> None:
    op.create_table(
        "provisioned_groups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("display_name", sa.String(length=200), nullable=False),
        sa.Column("external_id", sa.String(length=254), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        _key("provisioned_groups", "organisation_id", "organisations"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provisioned_groups")),
    )
    op.create_index(
        "ix_provisioned_groups_organisation_id", "provisioned_groups", ["organisation_id"]
    )
    op.create_table(
        "provisioned_places",
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        _key("provisioned_places", "group_id", "provisioned_groups"),
        _key("provisioned_places", "user_id", "provisioned_users"),
        sa.PrimaryKeyConstraint("group_id", "user_id", name=op.f("pk_provisioned_places")),
    )


def _unique_where(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=True, sqlite_where=where, postgresql_where=where)


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))
