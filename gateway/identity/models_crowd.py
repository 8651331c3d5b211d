"""Crowd workers, and identity checks by an agency: only a keyed hash of who was checked is kept."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base

LIVE = text("ended_at IS NULL")


class CrowdWorker(Base):
    """An account that does crowd work and nothing else. `phone` where no e-mail was given."""

    __tablename__ = "crowd_workers"
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    phone: Mapped[str] = mapped_column(String(20), default="")
    joined_at: Mapped[datetime]


class IdentityCheck(Base):
    """A person on their way to the agency and back, once, until `expires_at`."""

    __tablename__ = "identity_checks"
    __table_args__ = (Index("ix_identity_checks_expires_at", "expires_at"),)
    state_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    session_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sign_in_sessions.id"))
    reference: Mapped[str] = mapped_column(String(120))
    expires_at: Mapped[datetime]


class IdentityMark(Base):
    """The keyed hash of a checked person's CI: one live row for each, so one account a person."""

    __tablename__ = "identity_marks"
    __table_args__ = (
        CheckConstraint("length(mark) = 64", name="hashed"),
        Index(
            "ux_identity_marks_live",
            "mark",
            unique=True,
            sqlite_where=LIVE,
            postgresql_where=LIVE,
        ),
        Index("ix_identity_marks_person_id", "person_id"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    mark: Mapped[str] = mapped_column(String(64))
    verifier: Mapped[str] = mapped_column(String(200))
    level: Mapped[int]
    checked_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
