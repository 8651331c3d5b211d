"""Safe zones: seats, sessions that their staff open and close, and what is brought in."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base

OPEN = text("opened_at IS NOT NULL AND ended_at IS NULL")


class SessionEnd(StrEnum):
    """Why a session is over."""

    CLOSED = "closed"
    TIME_UP = "time_up"
    CANCELLED = "cancelled"


class Zone(Base):
    """A room whose data never leaves it. `networks` are the addresses of its seats (CIDR)."""

    __tablename__ = "zones"
    __table_args__ = (CheckConstraint("seats > 0", name="seats"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    name_ko: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200))
    place: Mapped[str] = mapped_column(String(200))
    seats: Mapped[int]
    networks: Mapped[list[str]]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_reason: Mapped[str] = mapped_column(Text, default="")


class ZoneDataset(Base):
    """A dataset that is worked on in a zone."""

    __tablename__ = "zone_datasets"
    zone_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("zones.id"), primary_key=True)
    dataset_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("datasets.id"), primary_key=True)


class ZoneSession(Base):
    """One person's time at one seat, under one grant: booked, opened by staff, ended.

    Whoever opens it is somebody else; a seat and a person have at most one open session.
    """

    __tablename__ = "zone_sessions"
    __table_args__ = (
        CheckConstraint("booked_until > booked_from", name="window"),
        CheckConstraint("seat > 0", name="seat"),
        CheckConstraint("opened_by IS NULL OR opened_by <> person_id", name="opener"),
        Index(
            "ux_zone_sessions_open_seat",
            "zone_id",
            "seat",
            unique=True,
            sqlite_where=OPEN,
            postgresql_where=OPEN,
        ),
        Index(
            "ux_zone_sessions_open_person",
            "person_id",
            unique=True,
            sqlite_where=OPEN,
            postgresql_where=OPEN,
        ),
        Index("ix_zone_sessions_grant_id", "grant_id"),
        Index("ix_zone_sessions_zone_id_booked_from", "zone_id", "booked_from"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    zone_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("zones.id"))
    grant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("grants.id"))
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    seat: Mapped[int]
    booked_from: Mapped[datetime]
    booked_until: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    opened_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    end_reason: Mapped[str | None] = mapped_column(String(16))
    created_at: Mapped[datetime]


class ZoneImport(Base):
    """What somebody wants to bring into a zone; `state` holds `policies.vocabulary.ImportState`.

    Whoever asked for it neither decides on it nor carries it in.
    """

    __tablename__ = "zone_imports"
    __table_args__ = (
        CheckConstraint("decided_by IS NULL OR decided_by <> person_id", name="decider"),
        CheckConstraint("brought_in_by IS NULL OR brought_in_by <> person_id", name="carrier"),
        Index("ix_zone_imports_grant_id", "grant_id"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    zone_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("zones.id"))
    grant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("grants.id"))
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    name: Mapped[str] = mapped_column(String(200))
    bytes: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    decided_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    decided_at: Mapped[datetime | None]
    decision_note: Mapped[str] = mapped_column(Text, default="")
    brought_in_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    brought_in_at: Mapped[datetime | None]
