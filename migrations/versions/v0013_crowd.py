"""Crowd workers, identity checks by an agency, tasks, and break-glass access."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.db import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

LIVE = sa.text("ended_at IS NULL")


def upgrade() -> None:
    _crowd_workers()
    _identity_checks()
    _identity_marks()
    _tasks()
    _task_items()
    _emergencies()


def _crowd_workers() -> None:
    table = "crowd_workers"
    op.create_table(
        table,
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("joined_at", UtcDateTime(), nullable=False),
        _key(table, "person_id", "people"),
        sa.PrimaryKeyConstraint("person_id", name=op.f(f"pk_{table}")),
    )


def _identity_checks() -> None:
    table = "identity_checks"
    op.create_table(
        table,
        sa.Column("state_sha256", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(length=120), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        _key(table, "person_id", "people"),
        _key(table, "session_id", "sign_in_sessions"),
        sa.PrimaryKeyConstraint("state_sha256", name=op.f(f"pk_{table}")),
    )
    op.create_index(f"ix_{table}_expires_at", table, ["expires_at"])


def _identity_marks() -> None:
    table = "identity_marks"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("verifier", sa.String(length=200), nullable=False),
        sa.Column("level", sa.BigInteger(), nullable=False),
        sa.Column("checked_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("length(mark) = 64", name=op.f(f"ck_{table}_hashed")),
        _key(table, "person_id", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    _live(table, "mark")
    op.create_index(f"ix_{table}_person_id", table, ["person_id"])


def _tasks() -> None:
    table = "tasks"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("dataset_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("instructions", sa.Text(), nullable=False),
        sa.Column("assigned_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("end_reason", sa.String(length=16), nullable=True),
        sa.CheckConstraint("ends_at > created_at", name=op.f(f"ck_{table}_window")),
        sa.CheckConstraint("assigned_by <> person_id", name=op.f(f"ck_{table}_not_to_oneself")),
        _key(table, "person_id", "people"),
        _key(table, "dataset_id", "datasets"),
        _key(table, "version_id", "dataset_versions"),
        _key(table, "assigned_by", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    _live(table, "person_id")
    op.create_index(f"ix_{table}_dataset_id", table, ["dataset_id"])


def _task_items() -> None:
    table = "task_items"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "(outcome IS NULL) = (finished_at IS NULL)", name=op.f(f"ck_{table}_whole_outcome")
        ),
        _key(table, "task_id", "tasks"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("task_id", "path", name=op.f(f"uq_{table}_task_id_path")),
    )


def _live(table: str, column: str) -> None:
    op.create_index(
        f"ux_{table}_live",
        table,
        [column],
        unique=True,
        sqlite_where=LIVE,
        postgresql_where=LIVE,
    )


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))


def _emergencies() -> None:
    table = "emergencies"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("dataset_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("minutes", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.Column("reviewed_at", UtcDateTime(), nullable=True),
        sa.Column("reviewed_by", sa.Uuid(), nullable=True),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("review_note", sa.Text(), nullable=False),
        *(
            sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))
            for name, rule in EMERGENCY_RULES.items()
        ),
        _key(table, "person_id", "people"),
        _key(table, "dataset_id", "datasets"),
        _key(table, "ended_by", "people"),
        _key(table, "reviewed_by", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    _live(table, "person_id")


EMERGENCY_RULES = {
    "window": "ends_at > opened_at",
    "short": "minutes BETWEEN 1 AND 60",
    "reasoned": "length(reason) >= 20",
    "reviewed_by_other": "reviewed_by IS NULL OR reviewed_by <> person_id",
    "over_before_review": "reviewed_by IS NULL OR ended_at IS NOT NULL",
    "whole_review": (
        "(reviewed_by IS NULL) = (reviewed_at IS NULL)"
        " AND (reviewed_by IS NULL) = (verdict IS NULL)"
    ),
}
