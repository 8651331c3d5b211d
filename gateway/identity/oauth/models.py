"""Programs that act for people, and what they are handed: codes, tokens, pushed requests.

Every secret is stored as its SHA-256. What may be used once carries `used_at`, which one
conditional UPDATE sets, so that of parallel requests exactly one wins on either database.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base

CLI_CLIENT = "sumun-cli"
"""The researcher's own command, known to every gateway from its first migration."""


class ClientKind(StrEnum):
    """Web: a server with a secret of its own. Native: an app on a person's device. Machine: a
    program that acts without anybody at the keyboard."""

    WEB = "web"
    NATIVE = "native"
    MACHINE = "machine"


class AuthMethod(StrEnum):
    """How a client proves itself at the token endpoint (OIDC Core 9)."""

    NONE = "none"
    SECRET_BASIC = "client_secret_basic"
    PRIVATE_KEY_JWT = "private_key_jwt"


class TokenKind(StrEnum):
    ACCESS = "access"
    REFRESH = "refresh"


class OAuthClient(Base):
    """A registered program. A machine has an organisation and a person who answers for it, and
    works once they have accepted that; `accepted_acr` is how they had shown who they are."""

    __tablename__ = "oauth_clients"
    __table_args__ = (
        CheckConstraint(
            "kind <> 'machine' OR (responsible_id IS NOT NULL AND organisation_id IS NOT NULL "
            "AND auth_method = 'private_key_jwt')",
            name="machine_is_answered_for",
        ),
        Index("ix_oauth_clients_organisation_id", "organisation_id"),
    )
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    organisation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("organisations.id"))
    responsible_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(16))
    auth_method: Mapped[str] = mapped_column(String(24))
    secret_sha256: Mapped[str | None] = mapped_column(String(64))
    jwks: Mapped[dict[str, Any]]
    redirect_uris: Mapped[list[str]]
    scope: Mapped[str] = mapped_column(String(200))
    id_token_alg: Mapped[str] = mapped_column(String(8), default="RS256")
    dpop_required: Mapped[bool] = mapped_column(default=False)
    networks: Mapped[list[str]]
    created_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    warned_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    accepted_acr: Mapped[str | None] = mapped_column(String(40))
    ended_at: Mapped[datetime | None]


class PushedRequest(Base):
    """An authorization request that its client pushed beforehand (RFC 9126)."""

    __tablename__ = "oauth_pushed_requests"
    uri_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("oauth_clients.id"))
    parameters: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class AuthorizationCode(Base):
    """What a person's consent gave a client; `family_id` is the session that redeeming opens."""

    __tablename__ = "oauth_codes"
    code_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("oauth_clients.id"))
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    session_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sign_in_sessions.id"))
    family_id: Mapped[uuid.UUID]
    redirect_uri: Mapped[str] = mapped_column(Text)
    scope: Mapped[str] = mapped_column(String(200))
    nonce: Mapped[str] = mapped_column(Text)
    challenge: Mapped[str] = mapped_column(String(43))
    dpop_jkt: Mapped[str | None] = mapped_column(String(43))
    auth_time: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class DeviceCode(Base):
    """A device that waits for a person to say yes elsewhere (RFC 8628)."""

    __tablename__ = "oauth_device_codes"
    device_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_code_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("oauth_clients.id"))
    scope: Mapped[str] = mapped_column(String(200))
    dpop_jkt: Mapped[str | None] = mapped_column(String(43))
    interval_seconds: Mapped[int]
    polled_at: Mapped[datetime | None]
    person_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    session_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sign_in_sessions.id"))
    auth_time: Mapped[datetime | None]
    approved: Mapped[bool | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class OAuthToken(Base):
    """An access or refresh token of a session; `dpop_jkt` binds it to a key (RFC 9449)."""

    __tablename__ = "oauth_tokens"
    __table_args__ = (Index("ix_oauth_tokens_session_id", "session_id"),)
    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    session_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sign_in_sessions.id"))
    client_id: Mapped[str] = mapped_column(ForeignKey("oauth_clients.id"))
    scope: Mapped[str] = mapped_column(String(200))
    dpop_jkt: Mapped[str | None] = mapped_column(String(43))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SeenIdentifier(Base):
    """A `jti` that was used: of a client assertion or a DPoP proof, under a digest of its use."""

    __tablename__ = "oauth_seen_identifiers"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
