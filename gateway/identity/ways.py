"""In how many ways a person can sign in: the last one is never taken away.

Each way of signing in adds its own counter to `WAYS`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Person, SignInSession
from gateway.identity.models_federation import LinkedIdentity
from gateway.runtime import Runtime

RECENT = timedelta(minutes=15)


def passwords(session: Session, person_id: uuid.UUID) -> int:
    """1 for somebody who has a password."""
    has_one = select(Person.id).where(Person.id == person_id, Person.password_hash != "")
    return int(session.scalar(has_one) is not None)


def linked_identities(session: Session, person_id: uuid.UUID) -> int:
    """Identities of outside providers."""
    live = select(func.count()).where(
        LinkedIdentity.person_id == person_id, LinkedIdentity.ended_at.is_(None)
    )
    return session.scalar(live) or 0


WAYS: tuple[Callable[[Session, uuid.UUID], int], ...] = (passwords, linked_identities)


def keep_a_way(session: Session, person_id: uuid.UUID) -> None:
    """Refuse what would leave nothing to sign in with; call before taking one way away.

    The caller has locked the person. Raises Problem 409.
    """
    if sum(count(session, person_id) for count in WAYS) <= 1:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "로그인할 수 있는 마지막 방법이라 끊을 수 없습니다. 먼저 비밀번호를 정해 주십시오.",
            "This is the last way to sign in, so it cannot be removed. Set a password first.",
        )


def require_recent(runtime: Runtime, session_id: uuid.UUID) -> None:
    """Refuse a change of how somebody signs in unless they have just signed in.

    A session left open is then not enough to take an account over. Raises Problem 401, 409.
    """
    with runtime.db.read() as session:
        _check_recent(runtime, _live(session.get(SignInSession, session_id)))


def expect_live(session: Session, session_id: uuid.UUID) -> SignInSession:
    """The session that asks, which must not have ended while its request was under way.

    Called in the change's transaction, with the person locked: whoever ends a stolen session or
    changes the password has then been before it or will be after it. Raises Problem 401.
    """
    row = session.get(SignInSession, session_id, populate_existing=True, with_for_update=True)
    return _live(row)


def expect_recent(session: Session, runtime: Runtime, session_id: uuid.UUID) -> None:
    """The same, and that it was opened in the last 15 minutes. Raises Problem 401, 409."""
    _check_recent(runtime, expect_live(session, session_id))


def _live(row: SignInSession | None) -> SignInSession:
    if row is None or row.ended_at is not None:
        raise Problem(ProblemCode.NOT_SIGNED_IN)
    return row


def _check_recent(runtime: Runtime, row: SignInSession) -> None:
    if runtime.clock.now() >= row.created_at + RECENT:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "로그인한 지 15분이 지났습니다. 로그아웃한 뒤 다시 로그인하고 이어서 해 주십시오.",
            "You signed in more than 15 minutes ago. Sign out, sign in again, and go on then.",
        )
