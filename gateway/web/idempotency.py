"""Idempotency keys: the same POST sent twice is done once (IETF httpapi idempotency-key-header).

The stored answer is written in the caller's transaction, so the change and its answer stand or
fall together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway import ids
from gateway.clock import Clock
from gateway.errors import Problem, ProblemCode
from gateway.web.models import IdempotencyKey

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
MAX_KEY = 128


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST: who, where, the client's key ("" when it sent none), the exact body."""

    actor: str
    route: str
    key: str
    body: bytes

    @property
    def body_sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON answer; `replayed` when it is the stored one of an earlier attempt."""

    status: int
    body: dict[str, Any]
    replayed: bool = False


def replay_or_run(
    session: Session, clock: Clock, attempt: Attempt, run: Callable[[], Answer]
) -> Answer:
    """The stored answer of this attempt, or that of `run`, stored for 24 hours.

    `session` is the write session in which `run` makes its change. Without a key `run` simply
    runs. Raises Problem 400 for a malformed key, 409 for a key used with another body.
    """
    if not attempt.key:
        return run()
    _check(attempt.key)
    _forget_expired(session, clock, attempt)
    stored = _find(session, attempt) or _claim(session, clock, attempt)
    if isinstance(stored, Answer):
        return stored
    answer = run()
    stored.status, stored.answer = answer.status, answer.body
    session.flush()
    return answer


def sweep(session: Session, clock: Clock) -> int:
    """Forget answers older than 24 hours; returns how many."""
    expired = IdempotencyKey.created_at <= clock.now() - KEPT
    gone = session.scalars(delete(IdempotencyKey).where(expired).returning(IdempotencyKey.id))
    return len(gone.all())


def _check(key: str) -> None:
    if len(key) > MAX_KEY or not all("!" <= char <= "~" for char in key):
        raise Problem(
            ProblemCode.BAD_REQUEST,
            f"Idempotency-Key 머리글은 공백 없는 ASCII 문자 {MAX_KEY}자까지입니다.",
            f"Idempotency-Key holds at most {MAX_KEY} visible ASCII characters.",
        )


def _same(attempt: Attempt) -> tuple[Any, ...]:
    return (
        IdempotencyKey.actor == attempt.actor,
        IdempotencyKey.route == attempt.route,
        IdempotencyKey.key == attempt.key,
    )


def _forget_expired(session: Session, clock: Clock, attempt: Attempt) -> None:
    expired = IdempotencyKey.created_at <= clock.now() - KEPT
    session.execute(delete(IdempotencyKey).where(*_same(attempt), expired))


def _find(session: Session, attempt: Attempt) -> Answer | None:
    row = session.scalars(select(IdempotencyKey).where(*_same(attempt))).one_or_none()
    if row is None:
        return None
    if row.body_sha256 != attempt.body_sha256:
        raise Problem(
            ProblemCode.CONFLICT,
            "이 Idempotency-Key는 다른 내용의 요청에 이미 쓰였습니다. 새 키로 보내 주십시오.",
            "This Idempotency-Key was used with another body; send a new key.",
        )
    return Answer(row.status, row.answer, replayed=True)


def _claim(session: Session, clock: Clock, attempt: Attempt) -> IdempotencyKey | Answer:
    """Take the key before running, so that two equal requests at once run once."""
    row = IdempotencyKey(
        id=ids.new(clock),
        actor=attempt.actor,
        route=attempt.route,
        key=attempt.key,
        body_sha256=attempt.body_sha256,
        status=0,
        answer={},
        created_at=clock.now(),
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        found = _find(session, attempt)
        if found is None:
            raise
        return found
    return row
