"""Outside identities linked to people, and the flows that lead there."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base
from gateway.identity.models import LIVE


class FlowPurpose(StrEnum):
    """What a person went to a provider for."""

    SIGN_IN = "sign_in"
    LINK = "link"


class LinkedIdentity(Base):
    """One identity at one issuer, which signs one person in; ended, never deleted."""

    __tablename__ = "linked_identities"
    __table_args__ = (
        Index(
            "ux_linked_identities_subject",
            "issuer",
            "subject",
            unique=True,
            sqlite_where=LIVE,
            postgresql_where=LIVE,
        ),
        Index(
            "ux_linked_identities_person",
            "person_id",
            "issuer",
            unique=True,
            sqlite_where=LIVE,
            postgresql_where=LIVE,
        ),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    provider: Mapped[str] = mapped_column(String(32))
    issuer: Mapped[str] = mapped_column(String(500))
    subject: Mapped[str] = mapped_column(String(255))
    label: Mapped[str] = mapped_column(String(254))
    linked_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ProviderFlow(Base):
    """One way to a provider and back: ten minutes, one browser, one use. Secrets as SHA-256.

    To link, it also belongs to one session of one person.
    """

    __tablename__ = "provider_flows"
    __table_args__ = (Index("ix_provider_flows_expires_at", "expires_at"),)
    state_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser_sha256: Mapped[str] = mapped_column(String(64))
    provider: Mapped[str] = mapped_column(String(32))
    purpose: Mapped[str] = mapped_column(String(16))
    session_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sign_in_sessions.id"))
    next: Mapped[str] = mapped_column(String(2000))
    expires_at: Mapped[datetime]


class WaitingIdentity(Base):
    """A proven identity that is nobody's yet; its browser decides, once, within 30 minutes."""

    __tablename__ = "waiting_identities"
    __table_args__ = (Index("ix_waiting_identities_expires_at", "expires_at"),)
    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    proven: Mapped[dict[str, Any]] = mapped_column(JSON)
    expires_at: Mapped[datetime]


class ProviderStatement(Base):
    """A provider's word that a person belongs to an organisation, beside the request it led to."""

    __tablename__ = "provider_statements"
    membership_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("memberships.id"), primary_key=True)
    provider: Mapped[str] = mapped_column(String(32))
    issuer: Mapped[str] = mapped_column(String(500))
    claim: Mapped[str] = mapped_column(String(200))
    value: Mapped[str] = mapped_column(String(200))
    stated_at: Mapped[datetime]
