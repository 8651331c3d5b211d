"""Agreement versions as records, and who signed which."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base

LIVE = text("ended_at IS NULL")


class AgreementState(StrEnum):
    DRAFT = "draft"
    SHADOW = "shadow"
    IN_FORCE = "in_force"
    WITHDRAWN = "withdrawn"


class SignatureMethod(StrEnum):
    TYPED_NAME = "typed_name"


class AgreementVersion(Base):
    """Both texts and the terms, fixed by one sha256. At most one version is in force per code."""

    __tablename__ = "agreement_versions"
    __table_args__ = (
        UniqueConstraint("code", "number"),
        Index(
            "ux_agreement_versions_in_force",
            "code",
            unique=True,
            sqlite_where=text("state = 'in_force'"),
            postgresql_where=text("state = 'in_force'"),
        ),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(40))
    number: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    text_ko: Mapped[str] = mapped_column(Text)
    text_en: Mapped[str] = mapped_column(Text)
    terms: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    in_force_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]


class Acceptance(Base):
    """Who signed which hash, when, how, for whom, until when."""

    __tablename__ = "acceptances"
    __table_args__ = (
        Index(
            "ux_acceptances_live",
            "person_id",
            "agreement_version_id",
            unique=True,
            sqlite_where=LIVE,
            postgresql_where=LIVE,
        ),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    organisation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("organisations.id"))
    agreement_version_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agreement_versions.id"))
    code: Mapped[str] = mapped_column(String(40))
    sha256: Mapped[str] = mapped_column(String(64))
    method: Mapped[str] = mapped_column(String(20))
    typed_name: Mapped[str] = mapped_column(String(120))
    language: Mapped[str] = mapped_column(String(2))
    accepted_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
