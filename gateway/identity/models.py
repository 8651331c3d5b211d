"""People, organisations, roles, attestations, sessions."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base

LIVE = text("ended_at IS NULL")


class PersonStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class OrganisationKind(StrEnum):
    COMPANY = "company"
    UNIVERSITY = "university"
    INSTITUTE = "institute"
    HOSPITAL = "hospital"
    PUBLIC = "public"


class OrganisationStatus(StrEnum):
    PENDING = "pending"
    VERIFIED = "verified"
    REJECTED = "rejected"
    SUSPENDED = "suspended"


class MembershipKind(StrEnum):
    MEMBER = "member"
    MANAGER = "manager"
    SIGNING_OFFICIAL = "signing_official"


class Role(StrEnum):
    """Staff roles. Everyone signed in is an applicant; managers are memberships."""

    STEWARD = "steward"
    COMMITTEE = "committee"
    AUDITOR = "auditor"
    CONTRACTOR = "contractor"
    CROWD_WORKER = "crowd_worker"
    ZONE_STAFF = "zone_staff"
    OPERATOR = "operator"


SENSITIVE_ROLES = frozenset({Role.STEWARD, Role.COMMITTEE, Role.AUDITOR, Role.OPERATOR})
EVERYWHERE = "*"


class AttestationKind(StrEnum):
    IRB = "irb"
    DRB = "drb"
    TRAINING = "training"
    IDENTITY = "identity"
    SEPARATE_AGREEMENT = "separate_agreement"
    OVERSEAS_TRANSFER = "overseas_transfer"
    THIRD_PARTY_PROCESSING = "third_party_processing"
    REGULATORY_SANDBOX = "regulatory_sandbox"


class SessionChannel(StrEnum):
    """`oauth` is opened by consent, for a registered program: its tokens end with it."""

    BROWSER = "browser"
    CLIENT = "client"
    OAUTH = "oauth"


class Acr(StrEnum):
    """How strongly a session was authenticated; `phr` is OpenID EAP's "phishing-resistant"."""

    PASSWORD = "urn:sumun:acr:password"
    MFA = "urn:sumun:acr:mfa"
    PHR = "phr"


class Person(Base):
    """Someone with an account. `account` is stored case-folded and in NFC."""

    __tablename__ = "people"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    email: Mapped[str] = mapped_column(String(254))
    country: Mapped[str] = mapped_column(String(2))
    korean_national: Mapped[bool | None]
    status: Mapped[str] = mapped_column(String(16), default=PersonStatus.ACTIVE)
    status_reason: Mapped[str] = mapped_column(String(500), default="")
    password_hash: Mapped[str] = mapped_column(String(200))
    password_changed_at: Mapped[datetime]
    locale: Mapped[str] = mapped_column(String(2), default="ko")
    created_at: Mapped[datetime]


class SiteConsent(Base):
    """Acceptance of the site's own terms of service or privacy notice, by text hash."""

    __tablename__ = "site_consents"
    __table_args__ = (UniqueConstraint("person_id", "document", "sha256"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    document: Mapped[str] = mapped_column(String(16))
    sha256: Mapped[str] = mapped_column(String(64))
    accepted_at: Mapped[datetime]


class Organisation(Base):
    """A company, university, institute, hospital or public body."""

    __tablename__ = "organisations"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(16))
    country: Mapped[str] = mapped_column(String(2))
    business_number: Mapped[str | None] = mapped_column(String(10), unique=True)
    status: Mapped[str] = mapped_column(String(16), default=OrganisationStatus.PENDING)
    status_reason: Mapped[str] = mapped_column(String(500), default="")
    verified_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    verified_at: Mapped[datetime | None]
    created_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime]


class Membership(Base):
    """A person's place in an organisation; ended, never deleted."""

    __tablename__ = "memberships"
    __table_args__ = (
        Index(
            "ux_memberships_live",
            "person_id",
            "organisation_id",
            unique=True,
            sqlite_where=LIVE,
            postgresql_where=LIVE,
        ),
        Index("ix_memberships_organisation_id", "organisation_id"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"))
    kind: Mapped[str] = mapped_column(String(20), default=MembershipKind.MEMBER)
    confirmed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class RoleGrant(Base):
    """A staff role with scope and period. A sensitive one counts only once a second person,
    neither the holder nor the first, has confirmed it."""

    __tablename__ = "role_grants"
    __table_args__ = (
        CheckConstraint("granted_by IS NULL OR granted_by <> person_id", name="not_by_holder"),
        CheckConstraint(
            "confirmed_by IS NULL OR (confirmed_by <> granted_by AND confirmed_by <> person_id)",
            name="two_persons",
        ),
        CheckConstraint(
            "bootstrap = (granted_by IS NULL) AND (NOT bootstrap OR role = 'operator')",
            name="named_grantor",
        ),
        Index(
            "ux_role_grants_bootstrap",
            "bootstrap",
            unique=True,
            sqlite_where=text("bootstrap"),
            postgresql_where=text("bootstrap"),
        ),
        Index(
            "ux_role_grants_live",
            "person_id",
            "role",
            "scope",
            unique=True,
            sqlite_where=LIVE,
            postgresql_where=LIVE,
        ),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    role: Mapped[str] = mapped_column(String(16))
    scope: Mapped[str] = mapped_column(String(100), default=EVERYWHERE)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    granted_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    confirmed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    confirmed_at: Mapped[datetime | None]
    bootstrap: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Attestation(Base):
    """Evidence from a third party: an IRB decision, a training certificate, an identity check.

    The kinds of `policies.vocabulary.Approval` are approvals: a steward registers them, with
    `reason`, and ends them, with `end_reason`. `project_id` names the research project that an
    IRB decision or an approval belongs to; it has no foreign key, because research projects live
    on a higher floor. `checked_by` is the steward who compared the evidence with its source,
    nobody where a trusted issuer signed it (`models_passports`);
    unchecked evidence does not count.
    """

    __tablename__ = "attestations"
    __table_args__ = (
        Index("ix_attestations_person_id", "person_id"),
        Index("ix_attestations_project_id", "project_id"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    project_id: Mapped[uuid.UUID | None]
    form: Mapped[str] = mapped_column(String(16), default="")
    issuer: Mapped[str] = mapped_column(String(200))
    reference: Mapped[str] = mapped_column(String(120))
    level: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(String(500), default="")
    end_reason: Mapped[str] = mapped_column(String(500), default="")
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime]
    checked_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    checked_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class SignInSession(Base):
    """A server-side session; only the SHA-256 of its token is stored.

    `acr` and `amr` (RFC 8176, separated by blanks) say how the person was authenticated, and
    `authenticated_at` when. `stepped_up_at` is when a passkey last confirmed them in it;
    `factor_shown` is what else was shown last, and `factor_shown_at` when.
    """

    __tablename__ = "sign_in_sessions"
    __table_args__ = (Index("ix_sign_in_sessions_person_id", "person_id"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    channel: Mapped[str] = mapped_column(String(16))
    device: Mapped[str] = mapped_column(String(120), default="")
    acr: Mapped[str] = mapped_column(String(40), default=Acr.PASSWORD)
    amr: Mapped[str] = mapped_column(String(40), default="pwd")
    created_at: Mapped[datetime]
    authenticated_at: Mapped[datetime]
    stepped_up_at: Mapped[datetime | None]
    factor_shown: Mapped[str] = mapped_column(String(16), default="", server_default="")
    factor_shown_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class RecoveryToken(Base):
    """A single-use token for setting a new password; only its SHA-256 is stored."""

    __tablename__ = "recovery_tokens"
    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Throttle(Base):
    """Failed sign-ins by account or by address, under a keyed hash of either."""

    __tablename__ = "throttles"
    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int]
    window_started_at: Mapped[datetime]
    blocked_until: Mapped[datetime | None]
