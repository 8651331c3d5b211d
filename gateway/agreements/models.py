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
COUNTING = text("ended_at IS NULL AND confirmed_at IS NOT NULL")
UNCONFIRMED = text("ended_at IS NULL AND confirmed_at IS NULL")


def _own_number(context: Any) -> int:
    """Unless it says otherwise, a version asks everyone for a signature of its own."""
    return int(context.get_current_parameters()["number"])


class AgreementState(StrEnum):
    DRAFT = "draft"
    SHADOW = "shadow"
    IN_FORCE = "in_force"
    WITHDRAWN = "withdrawn"


class SignatureMethod(StrEnum):
    TYPED_NAME = "typed_name"
    MAILED_LINK = "mailed_link"


class AgreementVersion(Base):
    """Both texts and the terms, fixed by one sha256. At most one version is in force per code.

    `signed_from` is the oldest version whose signatures still bind: minor changes ask for no new
    one. A version announced for later is in shadow until `planned_at`; `ends_at` is when it is
    withdrawn without a successor. Until `grace_ends_at` signatures of the version before hold.
    """

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
    signed_from: Mapped[int] = mapped_column(default=_own_number)
    planned_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    grace_ends_at: Mapped[datetime | None]


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


class SignatureRequest(Base):
    """A request, mailed to a signing official, to sign a version for an organisation.

    Only the SHA-256 of the token in the link is stored; the link works once, until `expires_at`.
    """

    __tablename__ = "signature_requests"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"))
    agreement_version_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agreement_versions.id"))
    official_name: Mapped[str] = mapped_column(String(120))
    official_email: Mapped[str] = mapped_column(String(254))
    requested_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]


class OrganisationAcceptance(Base):
    """A signing official's signature of a version for their organisation.

    It counts from `confirmed_at` on: at once where `official_id`, the member whose address the
    link was mailed to, is the registered signing official, else when `confirmed_by` has compared
    it with `letter_sha256`, the letter of authority or proof of representation.
    """

    __tablename__ = "organisation_acceptances"
    __table_args__ = (
        Index(
            "ux_organisation_acceptances_live",
            "organisation_id",
            "agreement_version_id",
            unique=True,
            sqlite_where=COUNTING,
            postgresql_where=COUNTING,
        ),
        Index(
            "ux_organisation_acceptances_unconfirmed",
            "organisation_id",
            "agreement_version_id",
            unique=True,
            sqlite_where=UNCONFIRMED,
            postgresql_where=UNCONFIRMED,
        ),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"))
    agreement_version_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agreement_versions.id"))
    code: Mapped[str] = mapped_column(String(40))
    sha256: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("signature_requests.id"))
    method: Mapped[str] = mapped_column(String(20))
    official_name: Mapped[str] = mapped_column(String(120))
    official_title: Mapped[str] = mapped_column(String(120))
    official_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    letter_sha256: Mapped[str | None] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(2))
    accepted_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
