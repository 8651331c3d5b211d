"""What organisations are run with: invitations, checks, documents, provisioning."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base
from gateway.identity.models import MembershipKind

OPEN = text("used_at IS NULL AND cancelled_at IS NULL")
PRESENT = text("ended_at IS NULL")


class CheckSource(StrEnum):
    """Who was asked about an organisation."""

    STATUS = "tax_status"
    REGISTRATION = "tax_registration"


class Invitation(Base):
    """A place in an organisation, offered to whoever reads one mailbox; only the SHA-256 of the
    mailed token is stored. `email` and `mailbox` are emptied when it is over."""

    __tablename__ = "invitations"
    __table_args__ = (
        Index(
            "ux_invitations_open",
            "organisation_id",
            "mailbox",
            unique=True,
            sqlite_where=OPEN,
            postgresql_where=OPEN,
        ),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"))
    email: Mapped[str] = mapped_column(String(254))
    mailbox: Mapped[str] = mapped_column(String(254))
    kind: Mapped[str] = mapped_column(String(20), default=MembershipKind.MEMBER)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    invited_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    provisioned: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    membership_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("memberships.id"))
    cancelled_at: Mapped[datetime | None]


class OrganisationCheck(Base):
    """What a register said of an organisation, from `first_at` to `last_at` without a change."""

    __tablename__ = "organisation_checks"
    __table_args__ = (Index("ix_organisation_checks_organisation_id", "organisation_id"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"))
    source: Mapped[str] = mapped_column(String(16))
    outcome: Mapped[str] = mapped_column(String(16))
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]


class OrganisationDocument(Base):
    """A document that speaks for an organisation; its bytes lie in the object store."""

    __tablename__ = "organisation_documents"
    __table_args__ = (UniqueConstraint("organisation_id", "sha256"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"))
    title: Mapped[str] = mapped_column(String(120))
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    uploaded_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    uploaded_at: Mapped[datetime]


class ProvisioningToken(Base):
    """What an organisation's own directory shows at `/scim/v2`; only its SHA-256 is stored."""

    __tablename__ = "provisioning_tokens"
    __table_args__ = (Index("ix_provisioning_tokens_organisation_id", "organisation_id"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"))
    label: Mapped[str] = mapped_column(String(120))
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    created_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))


class ProvisionedUser(Base):
    """A User of an organisation's directory (RFC 7643 §4.1): a membership that it may end, or
    the invitation to one. `user_key` is the user name case-folded; `email` is the address of
    `emails` that is written to; `active` without a value counts as false."""

    __tablename__ = "provisioned_users"
    __table_args__ = (
        Index(
            "ux_provisioned_users_live",
            "organisation_id",
            "user_key",
            unique=True,
            sqlite_where=PRESENT,
            postgresql_where=PRESENT,
        ),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"))
    user_name: Mapped[str] = mapped_column(String(254))
    user_key: Mapped[str] = mapped_column(String(254))
    external_id: Mapped[str] = mapped_column(String(254), default="")
    display_name: Mapped[str] = mapped_column(String(120), default="")
    emails: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    email: Mapped[str] = mapped_column(String(254), default="")
    active: Mapped[bool | None]
    version: Mapped[int] = mapped_column(default=1)
    membership_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("memberships.id"))
    invitation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("invitations.id"))
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ProvisionedGroup(Base):
    """A Group of an organisation's directory (RFC 7643 §4.2); it gives no rights here."""

    __tablename__ = "provisioned_groups"
    __table_args__ = (Index("ix_provisioned_groups_organisation_id", "organisation_id"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"))
    display_name: Mapped[str] = mapped_column(String(200))
    external_id: Mapped[str] = mapped_column(String(254), default="")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ProvisionedPlace(Base):
    """A user's place in a group of the same directory."""

    __tablename__ = "provisioned_places"
    group_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("provisioned_groups.id"), primary_key=True
    )
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("provisioned_users.id"), primary_key=True)
