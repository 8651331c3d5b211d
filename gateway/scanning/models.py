"""Scans and their findings; a finding never holds the value found."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base


class Scan(Base):
    """One finished scan of a version or an export. `content_sha256` is what was read."""

    __tablename__ = "scans"
    __table_args__ = (Index("ix_scans_subject", "subject"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(60))
    content_sha256: Mapped[str] = mapped_column(String(64))
    ruleset: Mapped[str] = mapped_column(String(64))
    verdict: Mapped[str] = mapped_column(String(16))
    files: Mapped[int]
    bytes: Mapped[int]
    counts: Mapped[dict[str, Any]]
    finished_at: Mapped[datetime]


class FindingRow(Base):
    """A finding kept for review: place, type, score in per mille, masked context."""

    __tablename__ = "findings"
    __table_args__ = (Index("ix_findings_scan_id_id", "scan_id", "id"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    scan_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("scans.id"))
    path: Mapped[str] = mapped_column(Text)
    location: Mapped[dict[str, Any]]
    entity_type: Mapped[str] = mapped_column(String(40))
    start: Mapped[int | None]
    end: Mapped[int | None]
    score_permille: Mapped[int]
    recognizer: Mapped[str] = mapped_column(String(80))
    context: Mapped[str] = mapped_column(Text)
    declared: Mapped[bool] = mapped_column(default=False)
