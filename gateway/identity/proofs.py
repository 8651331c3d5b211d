"""What a person shows besides a password: a value that holds until it is spent, once.

A proof is checked outside of any transaction and spent inside the one that uses it, by one
conditional statement, so that of parallel requests with the same proof exactly one wins.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import unicodedata
import uuid
from base64 import b32encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pyotp
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import CursorResult, Executable, select, update
from sqlalchemy.orm import Session

from gateway.clock import to_ms
from gateway.identity.models import Acr
from gateway.identity.models_factors import OneTimePassword, RecoveryCode
from gateway.keys import Purpose
from gateway.runtime import Runtime

SEAL_LABEL = b"sumun-totp-seal-v1"
NONCE_BYTES = 12
STEP_SECONDS = 30
# One step early or late: clocks differ, and people type slowly (RFC 6238, section 5.2).
DRIFT_STEPS = 1
DIGITS = re.compile(r"\d{6}", re.ASCII)
RECOVERY_CODES = 10
RECOVERY_BYTES = 10
GROUP = 4
OTP, RECOVERY, PASSKEY = "otp", "recovery", "pop user"


@dataclass(frozen=True, slots=True)
class Proof:
    """`amr` names the factor; `spend` uses it up in the caller's transaction, and is False when
    another request has already done so."""

    person_id: uuid.UUID
    acr: Acr
    amr: str
    spend: Callable[[Session], bool]

    @property
    def recovery(self) -> bool:
        """Whether a recovery code stands in for the factor."""
        return self.amr == RECOVERY


def changed_one(session: Session, statement: Executable) -> bool:
    """Whether this conditional statement found the one row that it is about."""
    return cast("CursorResult[Any]", session.execute(statement)).rowcount == 1


def seal(runtime: Runtime, person_id: uuid.UUID, secret: str) -> bytes:
    """A TOTP secret for the database: AES-256-GCM, bound to its person."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + _cipher(runtime).encrypt(nonce, secret.encode(), person_id.bytes)


def unseal(runtime: Runtime, person_id: uuid.UUID, sealed: bytes) -> str:
    """The secret. Raises cryptography.exceptions.InvalidTag for another person's row."""
    nonce, box = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    return _cipher(runtime).decrypt(nonce, box, person_id.bytes).decode()


def _cipher(runtime: Runtime) -> AESGCM:
    key = runtime.keys.current(Purpose.PERSON).material
    return AESGCM(hmac.digest(key, SEAL_LABEL, "sha256"))


def present_step(runtime: Runtime) -> int:
    """The number of the present 30 seconds since 1970 (RFC 6238)."""
    return to_ms(runtime.clock.now()) // (STEP_SECONDS * 1000)


def matching_step(runtime: Runtime, secret: str, code: str) -> int | None:
    """The step whose code this is, among those near the present; all of them are compared."""
    now, generator = present_step(runtime), pyotp.TOTP(secret)
    near = range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1)
    found = [step for step in near if hmac.compare_digest(generator.generate_otp(step), code)]
    return found[-1] if found else None


def by_code(runtime: Runtime, person_id: uuid.UUID, typed: str) -> Proof | None:
    """The proof in what somebody typed: a one-time password or a recovery code."""
    code = unicodedata.normalize("NFKC", typed)
    digits = "".join(code.split())
    with runtime.db.read() as session:
        if DIGITS.fullmatch(digits):
            return _one_time(runtime, session, person_id, digits)
        return _recovery(runtime, session, person_id, code)


def _one_time(runtime: Runtime, session: Session, person_id: uuid.UUID, code: str) -> Proof | None:
    row = session.get(OneTimePassword, person_id)
    if row is None or row.confirmed_at is None:
        return None
    step = matching_step(runtime, unseal(runtime, person_id, row.sealed), code)
    if step is None or step <= row.last_step:
        return None
    sealed = row.sealed

    def spend(writing: Session) -> bool:
        return use_step(writing, person_id, sealed, step)

    return Proof(person_id, Acr.MFA, OTP, spend)


def use_step(session: Session, person_id: uuid.UUID, sealed: bytes, step: int) -> bool:
    """Use up a step and every one before it. False when it is used already."""
    wanted = (
        update(OneTimePassword)
        .where(OneTimePassword.person_id == person_id, OneTimePassword.sealed == sealed)
        .where(OneTimePassword.last_step < step)
        .values(last_step=step)
    )
    return changed_one(session, wanted)


def _recovery(runtime: Runtime, session: Session, person_id: uuid.UUID, code: str) -> Proof | None:
    digest = recovery_digest(person_id, code)
    known = select(RecoveryCode.code_sha256).where(
        RecoveryCode.code_sha256 == digest, RecoveryCode.used_at.is_(None)
    )
    if session.scalar(known) is None:
        return None

    def spend(writing: Session) -> bool:
        wanted = (
            update(RecoveryCode)
            .where(RecoveryCode.code_sha256 == digest, RecoveryCode.used_at.is_(None))
            .values(used_at=runtime.clock.now())
        )
        return changed_one(writing, wanted)

    return Proof(person_id, Acr.MFA, RECOVERY, spend)


def recovery_digest(person_id: uuid.UUID, code: str) -> str:
    """How a recovery code is stored: 80 random bits need no slow hash, but are bound to one."""
    plain = re.sub(r"[^A-Z2-7]", "", code.upper())
    return hashlib.sha256(person_id.bytes + plain.encode()).hexdigest()


def new_recovery_codes() -> tuple[str, ...]:
    """Codes of 80 random bits in groups that are easy to read and to type."""
    made = (b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES))
    return tuple(
        "-".join(code[at : at + GROUP] for at in range(0, len(code), GROUP)) for code in made
    )
