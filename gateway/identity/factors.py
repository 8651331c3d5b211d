"""Reading a person's second factors."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.identity.models_factors import OneTimePassword, Passkey, RecoveryCode


@dataclass(frozen=True, slots=True)
class Factors:
    """What a person has set up; `codes_left` recovery codes are unused."""

    passkeys: Sequence[Passkey]
    one_time: OneTimePassword | None
    codes_left: int

    @property
    def any(self) -> bool:
        """Whether sign-in asks for one of them. Recovery codes stand in for a factor only."""
        return bool(self.passkeys) or self.one_time is not None


def factors_of(session: Session, person_id: uuid.UUID) -> Factors:
    """The factors that count now, passkeys oldest first."""
    own = select(Passkey).where(Passkey.person_id == person_id)
    passkeys = session.scalars(own.order_by(Passkey.created_at, Passkey.id)).all()
    one_time = session.get(OneTimePassword, person_id)
    left = select(func.count()).where(
        RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None)
    )
    confirmed = one_time if one_time and one_time.confirmed_at else None
    return Factors(passkeys, confirmed, session.scalar(left) or 0)


def has_factor(session: Session, person_id: uuid.UUID) -> bool:
    """Whether the person has a second factor, so that a password alone opens nothing."""
    return factors_of(session, person_id).any
