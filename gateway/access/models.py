"""Grants: what an approval creates, and what every byte needs."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base

LIVE = text("ended_at IS NULL")
# What the database says of a grant to somebody who voted on its application.
DECIDED = "grants: the holder decided on its application"


class HolderKind(StrEnum):
    PERSON = "person"
    SEAT = "seat"


class EndReason(StrEnum):
    REVOKED = "revoked"
    EXPIRED = "expired"
    RENEWED = "renewed"
    GIVEN_UP = "given_up"
    MOVED = "moved"


class Grant(Base):
    """A person's right to one dataset for one research project and purpose.

    One whose holder kind is SEAT is a seat of its organisation: `person_id` sits on it now, and
    the organisation's manager may give it to another member, who then holds a new row.
    The window is half-open, [starts_at, ends_at). `epoch` goes up with every change that must
    kill what was issued before it. `quota_bytes` None means no limit. Purpose, uses and study are
    those that were approved, `purpose_reviewed` says that a person approved them. `ended_at` is
    set when the grant is revoked, renewed or given up; expiry is decided by the clock, at the
    decision.
    """

    __tablename__ = "grants"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="window"),
        CheckConstraint("used_bytes >= 0", name="used"),
        Index(
            "ux_grants_live",
            "person_id",
            "dataset_id",
            "project_id",
            unique=True,
            sqlite_where=LIVE,
            postgresql_where=LIVE,
        ),
        Index("ix_grants_dataset_id", "dataset_id"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    holder_kind: Mapped[str] = mapped_column(String(16), default=HolderKind.PERSON)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    organisation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("organisations.id"))
    dataset_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("datasets.id"))
    project_id: Mapped[uuid.UUID]
    application_item_id: Mapped[uuid.UUID | None]
    purpose: Mapped[str] = mapped_column(String(40))
    uses: Mapped[list[str]] = mapped_column(default=list)
    study: Mapped[dict[str, Any]] = mapped_column(default=dict)
    purpose_reviewed: Mapped[bool] = mapped_column(default=False)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    suspended: Mapped[bool] = mapped_column(default=False)
    quota_bytes: Mapped[int | None]
    used_bytes: Mapped[int] = mapped_column(default=0)
    epoch: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(16))
    end_note: Mapped[str] = mapped_column(Text, default="")
    ended_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
