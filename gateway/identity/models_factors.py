"""Second factors: passkeys, one-time passwords, recovery codes, and sign-ins half done."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base


class Passkey(Base):
    """A WebAuthn credential. `credential_id` and `public_key` are as the authenticator gave them;
    `sign_count` is the highest it has reported (0 for those that do not count)."""

    __tablename__ = "passkeys"
    __table_args__ = (Index("ix_passkeys_person_id", "person_id"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int]
    name: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class OneTimePassword(Base):
    """A person's TOTP secret, sealed. It counts once a code has confirmed it; `last_step` is the
    newest 30-second step that was used, and no step up to it is ever taken again."""

    __tablename__ = "one_time_passwords"
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    last_step: Mapped[int]
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """One of a person's recovery codes; only its SHA-256 is stored."""

    __tablename__ = "recovery_codes"
    __table_args__ = (Index("ix_recovery_codes_person_id", "person_id"),)
    code_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class PendingSignIn(Base):
    """A sign-in whose first step held and whose second factor is still to come. `amr` says what
    was shown first, `detail` more of it for the session's event."""

    __tablename__ = "pending_sign_ins"
    __table_args__ = (
        CheckConstraint("expires_at > created_at", name="window"),
        Index("ix_pending_sign_ins_person_id", "person_id"),
    )
    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    device: Mapped[str] = mapped_column(String(120))
    amr: Mapped[str] = mapped_column(String(40), default="pwd", server_default="pwd")
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SpentChallenge(Base):
    """A WebAuthn challenge that was answered, kept until it would have run out by itself."""

    __tablename__ = "spent_challenges"
    __table_args__ = (Index("ix_spent_challenges_expires_at", "expires_at"),)
    challenge_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime]
