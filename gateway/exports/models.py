"""Exports: packages that the gate assembles, and results brought out of a safe zone."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base


class ExportKind(StrEnum):
    PACKAGE = "package"
    RESULT = "result"


class ExportState(StrEnum):
    """submitted → scanning → held → approved | rejected → released; or failed.

    `approved` is passed through: approval and release are one transaction, two events. `failed`
    is an export that could not be put together or scanned; nothing of it can be fetched.
    """

    SUBMITTED = "submitted"
    SCANNING = "scanning"
    HELD = "held"
    APPROVED = "approved"
    REJECTED = "rejected"
    RELEASED = "released"
    FAILED = "failed"


class Export(Base):
    """One export. `content_sha256` is the digest of the ZIP file that leaves, `manifest_sha256`
    that of the list of a package's members (JSON Lines: path, sha256, size).

    `bytes` is what a package took of the quota until it is assembled, then the ZIP file's size.
    `failure` is the code of why a failed export failed.
    """

    __tablename__ = "exports"
    __table_args__ = (
        # What a decision refers to: its requester and content cannot change afterwards.
        UniqueConstraint("id", "person_id", "content_sha256"),
        Index("ix_exports_person_id", "person_id"),
        Index("ix_exports_state_created_at", "state", "created_at"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    grant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("grants.id"))
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    dataset_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("datasets.id"))
    version_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("dataset_versions.id"))
    title: Mapped[str] = mapped_column(String(200), default="")
    patterns: Mapped[list[str]]
    state: Mapped[str] = mapped_column(String(16))
    content_sha256: Mapped[str | None] = mapped_column(String(64))
    manifest_sha256: Mapped[str | None] = mapped_column(String(64))
    bytes: Mapped[int] = mapped_column(default=0)
    items: Mapped[int] = mapped_column(default=0)
    scan_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("scans.id"))
    failure: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]
    turn_since: Mapped[datetime]
    released_at: Mapped[datetime | None]


class ExportOrigin(Base):
    """A dataset of a safe zone whose files the person had before them when they handed a result
    in, under whatever grant: nothing leaves before its stewards have looked."""

    __tablename__ = "export_origins"
    export_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("exports.id"), primary_key=True)
    dataset_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("datasets.id"), primary_key=True)


class ExportDecision(Base):
    """A steward's decision on a held export, bound to its requester and content by the database:
    the row names both, and the key it refers to holds both."""

    __tablename__ = "export_decisions"
    __table_args__ = (
        CheckConstraint("decider_id <> requester_id", name="not_requester"),
        ForeignKeyConstraint(
            ["export_id", "requester_id", "content_sha256"],
            ["exports.id", "exports.person_id", "exports.content_sha256"],
        ),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    export_id: Mapped[uuid.UUID] = mapped_column(unique=True)
    decider_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    requester_id: Mapped[uuid.UUID]
    approve: Mapped[bool]
    reason: Mapped[str] = mapped_column(Text)
    content_sha256: Mapped[str] = mapped_column(String(64))
    decided_at: Mapped[datetime]
