"""Policy: purposes and uses, agreements for organisations, releases of the rules, safe zones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.db import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _datasets()
    _projects_and_grants()
    _agreement_versions()
    _signature_requests()
    _organisation_acceptances()
    _policy_releases()
    _policy_facts()
    _zones()
    _zone_sessions()
    _zone_imports()
    _export_origins()


def _datasets() -> None:
    op.add_column("datasets", _text("content", 16, "general"))
    op.add_column("datasets", _no("originals"))
    op.add_column("datasets", _no("pseudonymised"))


def _projects_and_grants() -> None:
    with op.batch_alter_table("attestations") as batch:
        batch.alter_column("kind", existing_type=sa.String(length=16), type_=sa.String(length=24))
        batch.add_column(_text("reason", 500, ""))
        batch.add_column(_text("end_reason", 500, ""))
    op.add_column("research_projects", _json("uses", "[]"))
    op.add_column("research_projects", _json("study", "{}"))
    op.add_column("grants", _json("uses", "[]"))
    op.add_column("grants", _json("study", "{}"))
    op.add_column("grants", _no("purpose_reviewed"))


def _agreement_versions() -> None:
    op.add_column("agreement_versions", _zero("signed_from"))
    op.add_column("agreement_versions", sa.Column("planned_at", UtcDateTime(), nullable=True))
    op.add_column("agreement_versions", sa.Column("ends_at", UtcDateTime(), nullable=True))
    op.add_column("agreement_versions", sa.Column("grace_ends_at", UtcDateTime(), nullable=True))
    op.execute("UPDATE agreement_versions SET signed_from = number")


def _organisation_acceptances() -> None:
    op.create_table(
        "organisation_acceptances",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("agreement_version_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("official_name", sa.String(length=120), nullable=False),
        sa.Column("official_title", sa.String(length=120), nullable=False),
        sa.Column("official_id", sa.Uuid(), nullable=True),
        sa.Column("letter_sha256", sa.String(length=64), nullable=True),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("accepted_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        _key("organisation_acceptances", "agreement_version_id", "agreement_versions"),
        _key("organisation_acceptances", "confirmed_by", "people"),
        _key("organisation_acceptances", "official_id", "people"),
        _key("organisation_acceptances", "organisation_id", "organisations"),
        _key("organisation_acceptances", "request_id", "signature_requests"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation_acceptances")),
    )
    for name, confirmed in (("live", "IS NOT NULL"), ("unconfirmed", "IS NULL")):
        where = sa.text(f"ended_at IS NULL AND confirmed_at {confirmed}")
        op.create_index(
            f"ux_organisation_acceptances_{name}",
            "organisation_acceptances",
            ["organisation_id", "agreement_version_id"],
            unique=True,
            sqlite_where=where,
            postgresql_where=where,
        )


def _signature_requests() -> None:
    op.create_table(
        "signature_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("agreement_version_id", sa.Uuid(), nullable=False),
        sa.Column("official_name", sa.String(length=120), nullable=False),
        sa.Column("official_email", sa.String(length=254), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("cancelled_at", UtcDateTime(), nullable=True),
        _key("signature_requests", "agreement_version_id", "agreement_versions"),
        _key("signature_requests", "organisation_id", "organisations"),
        _key("signature_requests", "requested_by", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signature_requests")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_signature_requests_token_sha256")),
    )


def _policy_releases() -> None:
    op.create_table(
        "policy_releases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("agreements", sa.JSON(), nullable=False),
        sa.Column("proofs", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("shadow_at", UtcDateTime(), nullable=True),
        sa.Column("in_force_at", UtcDateTime(), nullable=True),
        sa.Column("withdrawn_at", UtcDateTime(), nullable=True),
        sa.Column("previous_id", sa.Uuid(), nullable=True),
        _key("policy_releases", "previous_id", "policy_releases"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_releases")),
        sa.UniqueConstraint("sha256", name=op.f("uq_policy_releases_sha256")),
    )
    in_force = sa.text("state = 'in_force'")
    op.create_index(
        "ux_policy_releases_in_force",
        "policy_releases",
        ["state"],
        unique=True,
        sqlite_where=in_force,
        postgresql_where=in_force,
    )


def _policy_facts() -> None:
    op.create_table(
        "policy_facts",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        _key("policy_facts", "person_id", "people"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_policy_facts")),
    )
    op.create_index("ix_policy_facts_person_id", "policy_facts", ["person_id"])


def _zones() -> None:
    op.create_table(
        "zones",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("name_ko", sa.String(length=200), nullable=False),
        sa.Column("name_en", sa.String(length=200), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("seats", sa.BigInteger(), nullable=False),
        sa.Column("networks", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("closed_reason", sa.Text(), nullable=False),
        sa.CheckConstraint("seats > 0", name=op.f("ck_zones_seats")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zones")),
        sa.UniqueConstraint("slug", name=op.f("uq_zones_slug")),
    )
    op.create_table(
        "zone_datasets",
        sa.Column("zone_id", sa.Uuid(), nullable=False),
        sa.Column("dataset_id", sa.Uuid(), nullable=False),
        _key("zone_datasets", "dataset_id", "datasets"),
        _key("zone_datasets", "zone_id", "zones"),
        sa.PrimaryKeyConstraint("zone_id", "dataset_id", name=op.f("pk_zone_datasets")),
    )


def _zone_sessions() -> None:
    op.create_table(
        "zone_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("zone_id", sa.Uuid(), nullable=False),
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("seat", sa.BigInteger(), nullable=False),
        sa.Column("booked_from", UtcDateTime(), nullable=False),
        sa.Column("booked_until", UtcDateTime(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=True),
        sa.Column("opened_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("end_reason", sa.String(length=16), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("booked_until > booked_from", name=op.f("ck_zone_sessions_window")),
        sa.CheckConstraint("seat > 0", name=op.f("ck_zone_sessions_seat")),
        sa.CheckConstraint(
            "opened_by IS NULL OR opened_by <> person_id", name=op.f("ck_zone_sessions_opener")
        ),
        _key("zone_sessions", "ended_by", "people"),
        _key("zone_sessions", "grant_id", "grants"),
        _key("zone_sessions", "opened_by", "people"),
        _key("zone_sessions", "person_id", "people"),
        _key("zone_sessions", "zone_id", "zones"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zone_sessions")),
    )
    op.create_index("ix_zone_sessions_grant_id", "zone_sessions", ["grant_id"])
    op.create_index(
        "ix_zone_sessions_zone_id_booked_from", "zone_sessions", ["zone_id", "booked_from"]
    )
    _one_open_session("seat", ["zone_id", "seat"])
    _one_open_session("person", ["person_id"])


def _one_open_session(of: str, columns: list[str]) -> None:
    open_now = sa.text("opened_at IS NOT NULL AND ended_at IS NULL")
    op.create_index(
        f"ux_zone_sessions_open_{of}",
        "zone_sessions",
        columns,
        unique=True,
        sqlite_where=open_now,
        postgresql_where=open_now,
    )


def _zone_imports() -> None:
    op.create_table(
        "zone_imports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("zone_id", sa.Uuid(), nullable=False),
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decision_note", sa.Text(), nullable=False),
        sa.Column("brought_in_by", sa.Uuid(), nullable=True),
        sa.Column("brought_in_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> person_id", name=op.f("ck_zone_imports_decider")
        ),
        sa.CheckConstraint(
            "brought_in_by IS NULL OR brought_in_by <> person_id",
            name=op.f("ck_zone_imports_carrier"),
        ),
        _key("zone_imports", "brought_in_by", "people"),
        _key("zone_imports", "decided_by", "people"),
        _key("zone_imports", "grant_id", "grants"),
        _key("zone_imports", "person_id", "people"),
        _key("zone_imports", "zone_id", "zones"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zone_imports")),
    )
    op.create_index("ix_zone_imports_grant_id", "zone_imports", ["grant_id"])


def _export_origins() -> None:
    op.create_table(
        "export_origins",
        sa.Column("export_id", sa.Uuid(), nullable=False),
        sa.Column("dataset_id", sa.Uuid(), nullable=False),
        _key("export_origins", "dataset_id", "datasets"),
        _key("export_origins", "export_id", "exports"),
        sa.PrimaryKeyConstraint("export_id", "dataset_id", name=op.f("pk_export_origins")),
    )


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))


def _text(name: str, length: int, default: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False, server_default=default)


def _no(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())


def _zero(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")


def _json(name: str, default: str) -> sa.Column[object]:
    return sa.Column(name, sa.JSON(), nullable=False, server_default=sa.text(f"'{default}'"))
