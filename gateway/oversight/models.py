"""What oversight keeps beside the log: anomalies, periodic reviews, and figures for charts.

None of it is evidence: every row can be traced to entries of the log, and every decision in it is
an entry of its own.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base


class AnomalyState(StrEnum):
    """Whether somebody has looked at an anomaly, and what they think of it."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


class ReviewState(StrEnum):
    """A periodic review is worked on until it is signed; then it never changes."""

    OPEN = "open"
    SIGNED = "signed"


class MarkKind(StrEnum):
    """What a reviewer says about the reason of some downloads, or of one."""

    CONFIRMED = "confirmed"
    EXCEPTION = "exception"


class LogReview(Base):
    """A periodic review of the entries `first_index` ≤ index < `end_index`.

    The reviews of a log follow each other without a gap. `revision` grows with every mark, so
    that nobody signs what they have not seen. The digests are set by the signature; `note` is the
    signed note over them, as the log's key of that day has signed it.
    """

    __tablename__ = "log_reviews"
    __table_args__ = (
        CheckConstraint("end_at > start_at", name="period"),
        CheckConstraint("end_index >= first_index", name="range"),
        CheckConstraint("(state = 'signed') = (signed_at IS NOT NULL)", name="signed"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    start_at: Mapped[datetime] = mapped_column(unique=True)
    end_at: Mapped[datetime]
    zone: Mapped[str] = mapped_column(String(64))
    first_index: Mapped[int]
    end_index: Mapped[int]
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16), default=ReviewState.OPEN)
    revision: Mapped[int] = mapped_column(default=0)
    signed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    signed_at: Mapped[datetime | None]
    statement: Mapped[str] = mapped_column(Text, default="")
    record_sha256: Mapped[str | None] = mapped_column(String(64))
    csv_sha256: Mapped[str | None] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text, default="")


class ReviewMark(Base):
    """What was said in a review about a group of downloads, or about the entry `entry:<index>`."""

    __tablename__ = "review_marks"
    review_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("log_reviews.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(Text, default="")
    marked_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    marked_at: Mapped[datetime]


class Anomaly(Base):
    """Something a rule found unusual. `key` says what: a rule, a person and a day.

    `person` is the keyed token of the log. `evidence` holds `events` (indexes of entries, at most
    a hundred) and the figures with which the rule explains itself. `review_id` is the signed
    review that took it up.
    """

    __tablename__ = "anomalies"
    __table_args__ = (
        Index("ix_anomalies_state_last_index", "state", "last_index"),
        Index("ix_anomalies_review_id", "review_id"),
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    rule: Mapped[str] = mapped_column(String(40))
    person: Mapped[str | None] = mapped_column(String(32))
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    last_index: Mapped[int]
    entries: Mapped[int]
    evidence: Mapped[dict[str, Any]]
    found_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16), default=AnomalyState.OPEN)
    decided_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(Text, default="")
    review_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("log_reviews.id"))


class LogWatch(Base):
    """How far the log has been looked at: the one row 1.

    Entries below `position` were counted and checked.
    """

    __tablename__ = "log_watch"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int]
    looked_at: Mapped[datetime]


class LogTally(Base):
    """How many accesses of an outcome there were in an hour (from `hour_ms`, UTC), by dimension.

    `dimension` is `all`, `dataset` or `organisation`; `value` a slug or a keyed token, else "".
    """

    __tablename__ = "log_tallies"
    hour_ms: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    dimension: Mapped[str] = mapped_column(String(16), primary_key=True)
    value: Mapped[str] = mapped_column(String(100), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(16), primary_key=True)
    entries: Mapped[int]
