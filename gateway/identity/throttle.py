"""Throttling of guesses, per account and per address, in the database.

Every attempt is counted *before* the password is looked at and taken back when it was right, so
any number of parallel guesses counts in full. Past the free attempts each failure doubles the
wait. Subjects are stored as keyed hashes: the table names neither accounts nor addresses.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Throttle
from gateway.keys import Purpose
from gateway.runtime import Runtime

LABEL = b"sumun-throttle-v1"
LONGEST_BLOCK = timedelta(minutes=15)
# After this long without an attempt a subject starts afresh.
QUIET = timedelta(hours=1)
_MOST_DOUBLINGS = 20


class Kind(StrEnum):
    """What is counted."""

    ACCOUNT = "account"
    ADDRESS = "address"
    FACTOR = "factor"
    SIGN_UP = "sign_up"
    SIGN_UP_SITE = "sign_up_site"
    RECOVERY = "recovery"
    SIGNATURE_REQUEST = "signature_request"
    SIGNATURE_LINK = "signature_link"
    DEVICE_CODE = "device_code"
    PROVIDER = "provider"
    INVITATION = "invitation"


# Many people share one address behind an institution's gateway.
FREE_ATTEMPTS = {
    Kind.ACCOUNT: 5,
    Kind.ADDRESS: 30,
    Kind.FACTOR: 5,
    Kind.SIGN_UP: 20,
    Kind.SIGN_UP_SITE: 200,
    Kind.RECOVERY: 10,
    Kind.SIGNATURE_REQUEST: 10,
    Kind.SIGNATURE_LINK: 10,
    Kind.DEVICE_CODE: 10,
    Kind.PROVIDER: 60,
    Kind.INVITATION: 5,
}


# Counts of one person's own, which a right answer clears.
OWN = frozenset({Kind.ACCOUNT, Kind.FACTOR})


@dataclass(frozen=True, slots=True)
class Subject:
    """An account or address under its keyed hash."""

    kind: Kind
    digest: str


class Blocked(Exception):
    """The attempt was not made; `seconds` until one may be."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"blocked for {seconds} s")
        self.seconds = seconds

    @property
    def problem(self) -> Problem:
        """The same as the answer 429."""
        return Problem(
            ProblemCode.TOO_MANY_REQUESTS,
            f"시도가 너무 잦아 {self.seconds}초 동안 막았습니다.",
            f"There were too many attempts. Try again in {self.seconds} seconds.",
            retry_after=self.seconds,
        )


def subject(runtime: Runtime, kind: Kind, value: str) -> Subject:
    """The subject under which `value` (a folded account, an address) is counted."""
    key = runtime.keys.current(Purpose.LOOKUP).material
    message = b"|".join((LABEL, kind.encode(), value.encode()))
    return Subject(kind, hmac.digest(key, message, "sha256").hex())


def attempt(runtime: Runtime, subjects: Iterable[Subject]) -> None:
    """Count one attempt for each subject, or for none of them.

    Raises Blocked, counting nothing, while any of them must wait.
    """
    now = runtime.clock.now()
    with runtime.db.write() as session:
        # One order for everyone, or two transactions could wait for each other.
        rows = [(each, _row(session, each, now)) for each in sorted(subjects, key=_digest)]
        waits = [row.blocked_until - now for _each, row in rows if row.blocked_until]
        if waits and max(waits) > timedelta(0):
            raise Blocked(-(-max(waits) // timedelta(seconds=1)))
        for each, row in rows:
            _count(each, row, now)


def succeeded(session: Session, subjects: Iterable[Subject]) -> None:
    """Take the attempt back in the caller's transaction: an account starts afresh.

    An address only gets its one attempt back: otherwise anybody with an account of their own
    could clear the count between guesses at others'.
    """
    for each in sorted(subjects, key=_digest):
        row = session.get(Throttle, each.digest, with_for_update=True)
        if row is None:
            continue
        row.failures = 0 if each.kind in OWN else max(0, row.failures - 1)
        if row.failures < FREE_ATTEMPTS[each.kind]:
            row.blocked_until = None


def _digest(each: Subject) -> str:
    return each.digest


def _row(session: Session, each: Subject, now: datetime) -> Throttle:
    values = {"subject": each.digest, "failures": 0, "window_started_at": now}
    session.execute(_insert(session)(Throttle).values(values).on_conflict_do_nothing())
    found = select(Throttle).where(Throttle.subject == each.digest).with_for_update()
    return session.scalars(found).one()


def _insert(session: Session) -> Any:
    sqlite_used = session.get_bind().dialect.name == "sqlite"
    return sqlite.insert if sqlite_used else postgresql.insert


def _count(each: Subject, row: Throttle, now: datetime) -> None:
    if now >= row.window_started_at + QUIET:
        row.failures = 0
    row.failures, row.window_started_at = row.failures + 1, now
    beyond = row.failures - FREE_ATTEMPTS[each.kind]
    row.blocked_until = now + block(beyond) if beyond >= 0 else None


def block(beyond: int) -> timedelta:
    """How long to wait after the free attempts and `beyond` more: 1 s, 2 s, 4 s, … 15 min."""
    return min(LONGEST_BLOCK, timedelta(seconds=2 ** min(beyond, _MOST_DOUBLINGS)))
