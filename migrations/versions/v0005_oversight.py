"""Oversight: anomalies, periodic reviews, figures for charts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.db import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _reviews()
    _marks()
    _anomalies()
    _watch()
    _tallies()


def _reviews() -> None:
    op.create_table(
        "log_reviews",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("start_at", UtcDateTime(), nullable=False),
        sa.Column("end_at", UtcDateTime(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("first_index", sa.BigInteger(), nullable=False),
        sa.Column("end_index", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("signed_by", sa.Uuid(), nullable=True),
        sa.Column("signed_at", UtcDateTime(), nullable=True),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("record_sha256", sa.String(length=64), nullable=True),
        sa.Column("csv_sha256", sa.String(length=64), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("end_at > start_at", name=op.f("ck_log_reviews_period")),
        sa.CheckConstraint("end_index >= first_index", name=op.f("ck_log_reviews_range")),
        sa.CheckConstraint(
            "(state = 'signed') = (signed_at IS NOT NULL)", name=op.f("ck_log_reviews_signed")
        ),
        sa.ForeignKeyConstraint(
            ["signed_by"], ["people.id"], name=op.f("fk_log_reviews_signed_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_reviews")),
        sa.UniqueConstraint("start_at", name=op.f("uq_log_reviews_start_at")),
    )


def _marks() -> None:
    op.create_table(
        "review_marks",
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("marked_by", sa.Uuid(), nullable=False),
        sa.Column("marked_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["marked_by"], ["people.id"], name=op.f("fk_review_marks_marked_by")
        ),
        sa.ForeignKeyConstraint(
            ["review_id"], ["log_reviews.id"], name=op.f("fk_review_marks_review_id")
        ),
        sa.PrimaryKeyConstraint("review_id", "key", name=op.f("pk_review_marks")),
    )


def _anomalies() -> None:
    op.create_table(
        "anomalies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("rule", sa.String(length=40), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=True),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_index", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("found_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("review_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(state = 'open') = (decided_at IS NULL)", name=op.f("ck_anomalies_decided")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["people.id"], name=op.f("fk_anomalies_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["review_id"], ["log_reviews.id"], name=op.f("fk_anomalies_review_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_anomalies")),
        sa.UniqueConstraint("key", name=op.f("uq_anomalies_key")),
    )
    op.create_index("ix_anomalies_state_last_index", "anomalies", ["state", "last_index"])
    op.create_index("ix_anomalies_review_id", "anomalies", ["review_id"])


def _watch() -> None:
    op.create_table(
        "log_watch",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("looked_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_log_watch_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_watch")),
    )


def _tallies() -> None:
    op.create_table(
        "log_tallies",
        sa.Column("hour_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("dimension", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=100), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "hour_ms", "dimension", "value", "outcome", name=op.f("pk_log_tallies")
        ),
    )
