"""Break-glass access: a short, narrow, reasoned elevation of one operator, reviewed afterwards."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base

LIVE = text("ended_at IS NULL")


class Verdict(StrEnum):
    """What an auditor says of an emergency afterwards."""

    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"


class Emergency(Base):
    """An operator's elevation over one dataset, over at `ends_at` at the latest.

    A person holds one at a time. It is over before it is reviewed, and nobody reviews their own.
    """

    __tablename__ = "emergencies"
    __table_args__ = (
        CheckConstraint("ends_at > opened_at", name="window"),
        CheckConstraint("minutes BETWEEN 1 AND 60", name="short"),
        CheckConstraint("length(reason) >= 20", name="reasoned"),
        CheckConstraint(
            "reviewed_by IS NULL OR reviewed_by <> person_id", name="reviewed_by_other"
        ),
        CheckConstraint("reviewed_by IS NULL OR ended_at IS NOT NULL", name="over_before_review"),
        CheckConstraint(
            "(reviewed_by IS NULL) = (reviewed_at IS NULL)"
            " AND (reviewed_by IS NULL) = (verdict IS NULL)",
            name="whole_review",
        ),
        Index(
            "ux_emergencies_live",
            "person_id",
            unique=True,
            sqlite_where=LIVE,
            postgresql_where=LIVE,
        ),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    dataset_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("datasets.id"))
    reason: Mapped[str] = mapped_column(Text)
    minutes: Mapped[int]
    opened_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    uses: Mapped[int] = mapped_column(default=0)
    reviewed_at: Mapped[datetime | None]
    reviewed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    verdict: Mapped[str | None] = mapped_column(String(16))
    review_note: Mapped[str] = mapped_column(Text, default="")
