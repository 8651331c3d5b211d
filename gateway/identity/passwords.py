"""Passwords: what they must be, and Argon2id behind a turnstile.

Parameters follow the OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane. Hashing
costs 20 ms and 19 MiB, so only a few run at once, a few more wait, and the rest is told to.
"""

from __future__ import annotations

import os
import secrets
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.db import Database
from gateway.errors import Problem, ProblemCode
from gateway.identity.rules import fold, refuse
from gateway.security.turnstile import Full, Turnstile

SHORTEST, LONGEST = 10, 200
MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
WAIT_SECONDS = 5.0
# How many may wait for a hash: each holds a thread of the server meanwhile.
WAITING = 16
FIELD = "password"
# Ten characters and more, and still among the first that a guesser tries.
_COMMON = """
    1234567890 12345678910 0123456789 0987654321 1111111111 0000000000 1q2w3e4r5t 1q2w3e4r5t6y
    q1w2e3r4t5 qwertyuiop qwerty1234 qwerty12345 qwerty123456 asdfghjkl; asdfghjkl1 zxcvbnm123
    password12 password123 password1234 password123! passw0rd123 passw0rd1234 p@ssw0rd123
    p@ssword123 iloveyou12 iloveyou123 iloveyou1234 administrator admin12345 admin123456
    letmein123 welcome123 welcome1234 changeme123 changemenow abcd123456 abcde12345 abcdef1234
    abcdefghij a123456789 a1234567890 aa12345678 test123456 testtest12 testtest123 1qaz2wsx3edc
    1qazxsw23edc qazwsxedc123 dkssudgktpdy dkssudgktpdy1 tkfkdgo123 tkfkdgody1 rkskekfk12
    korea12345 seoul12345 sumun12345 sumunsumun monkey1234 dragon1234 football123 baseball123
    sunshine123 princess123 superman123 trustno1234 whatever123 master1234 secret1234
"""
COMMON = frozenset(_COMMON.split())


def normal(password: str) -> str:
    """The form that is hashed (NFKC): the same keys give the same password on every system."""
    return unicodedata.normalize("NFKC", password)


def check_rules(password: str, account: str) -> None:
    """Refuse a password that is short, long, common, one repeated character, or the account.

    Raises Problem 422. There are no rules about kinds of characters (NIST SP 800-63B).
    """
    folded = fold(normal(password))
    if not SHORTEST <= len(normal(password)) <= LONGEST:
        refuse(
            FIELD,
            f"비밀번호는 {SHORTEST}자 이상 {LONGEST}자 이하여야 합니다.",
            f"A password has {SHORTEST} to {LONGEST} characters.",
        )
    if account and account in folded:
        refuse(
            FIELD,
            "비밀번호에 아이디를 넣을 수 없습니다.",
            "A password must not contain the account name.",
        )
    if folded in COMMON or len(set(folded)) < 4:
        refuse(
            FIELD,
            "너무 흔한 비밀번호입니다. 다른 비밀번호를 정해 주십시오.",
            "This password is too common. Please choose another.",
        )


class Hasher:
    """Argon2id with at most `at_once` computations at a time."""

    def __init__(self, memory_kib: int = MEMORY_KIB, passes: int = PASSES, at_once: int = 0):
        self._argon2 = PasswordHasher(passes, memory_kib, LANES, type=Type.ID)
        self._turns = Turnstile(at_once or max(2, os.cpu_count() or 1), WAITING, WAIT_SECONDS)
        # Verified for unknown accounts, so that they take as long as known ones.
        self._dummy = self._argon2.hash(secrets.token_urlsafe(32))

    def hash(self, password: str) -> str:
        """The encoded Argon2id hash. Raises Problem 503 when too many wait already."""
        with self._slot():
            return self._argon2.hash(normal(password))

    def matches(self, stored: str | None, password: str) -> bool:
        """Whether `password` belongs to `stored`; None takes the same time and is False."""
        with self._slot():
            try:
                self._argon2.verify(stored or self._dummy, normal(password))
            except (VerificationError, InvalidHashError):
                return False
        return stored is not None

    @contextmanager
    def _slot(self) -> Iterator[None]:
        try:
            with self._turns.passed():
                yield
        except Full:
            raise Problem(ProblemCode.BUSY, retry_after=1) from None


HASHER = Hasher()


def hashed(db: Database, password: str) -> str:
    """Hash outside of any write transaction, which would hold up every other writer."""
    db.assert_no_write("hashing a password")
    return HASHER.hash(password)


def matches(db: Database, stored: str | None, password: str) -> bool:
    """Compare outside of any write transaction; see `Hasher.matches`."""
    db.assert_no_write("hashing a password")
    return HASHER.matches(stored, password)
