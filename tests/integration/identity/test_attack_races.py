"""One-use proofs, asked by eight at once in fifty rounds: each time exactly one of them wins.

Codes, refresh tokens, device codes, pushed requests and identifiers are raced in
`test_oauth_attacks.py`, invitations in `test_invitations.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pyotp
import pytest

from gateway.clock import FixedClock
from gateway.demo.authenticator import Authenticator
from gateway.errors import Problem
from gateway.identity import passkeys, proofs, service_factors, service_second, throttle
from gateway.identity.models import Person, SessionChannel
from gateway.identity.passkeys import Ceremony, Use
from gateway.identity.proofs import Proof
from gateway.identity.service_credentials import Credentials
from gateway.identity.service_fresh import Given, Self
from gateway.identity.service_passwords import issue_recovery, use_recovery
from gateway.identity.service_second import Shown
from gateway.identity.service_sessions import Opening, list_sessions, sign_in
from gateway.journal import Actor
from gateway.runtime import Runtime
from tests import people
from tests.people import PASSWORD, visitor

THREADS, ROUNDS = 8, 50
Attempt = Callable[[], object]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No throttle: what is raced here would be blocked long before the fiftieth round."""
    for kind in throttle.Kind:
        monkeypatch.setitem(throttle.FREE_ATTEMPTS, kind, 100_000)


@pytest.fixture
def crowd() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(THREADS) as pool:
        yield pool


@pytest.fixture
def me(runtime: Runtime, holder: Person) -> Self:
    """The holder, signed in by password."""
    given = Credentials("holder", PASSWORD)
    sign_in(runtime, visitor(), given, SessionChannel.BROWSER)
    with runtime.db.read() as session:
        (row,) = list_sessions(session, holder.id, runtime.clock.now())
    return Self(people.acting_as(holder), row.id)


def winners(pool: ThreadPoolExecutor, attempt: Attempt) -> int:
    """How many of eight that start together succeed; a Problem is a no."""
    start = Barrier(THREADS)

    def one(_number: int) -> bool:
        start.wait(60)
        try:
            return attempt() is not False
        except Problem:
            return False

    return sum(pool.map(one, range(THREADS)))


def spent(runtime: Runtime, prove: Callable[[], Proof | None]) -> Attempt:
    """Check a proof and use it up, as every sign-in does."""

    def attempt() -> bool:
        proof = prove()
        if proof is None:
            return False
        with runtime.db.write() as session:
            return proof.spend(session)

    return attempt


HOW = Opening("", SessionChannel.BROWSER)


def app_of(runtime: Runtime, me: Self, clock: FixedClock) -> tuple[pyotp.TOTP, tuple[str, ...]]:
    secret = service_factors.begin_totp(runtime, me, Given(PASSWORD))
    app = pyotp.TOTP(secret.text)
    return app, service_factors.confirm_totp(runtime, me, app.secret, app.at(clock.now()))


def test_of_raced_one_time_passwords_one_wins(
    runtime: Runtime, me: Self, clock: FixedClock, crowd: ThreadPoolExecutor
) -> None:
    app, _codes = app_of(runtime, me, clock)

    for _ in range(ROUNDS):
        clock.advance(timedelta(seconds=30))
        code = app.at(clock.now())
        attempt = spent(runtime, lambda code=code: proofs.by_code(runtime, me.person_id, code))
        assert winners(crowd, attempt) == 1


def test_of_raced_recovery_codes_one_wins(
    runtime: Runtime, me: Self, clock: FixedClock, crowd: ThreadPoolExecutor
) -> None:
    _app, codes = app_of(runtime, me, clock)

    for number in range(ROUNDS):
        if number and not number % len(codes):
            codes = service_factors.renew_codes(runtime, me, Given(PASSWORD))
        code = codes[number % len(codes)]
        attempt = spent(runtime, lambda code=code: proofs.by_code(runtime, me.person_id, code))
        assert winners(crowd, attempt) == 1


@pytest.mark.parametrize("counts", [True, False])
def test_of_raced_answers_of_a_passkey_one_wins(
    runtime: Runtime, me: Self, crowd: ThreadPoolExecutor, counts: bool
) -> None:
    """Most passkeys count nothing: then the challenge alone stands against the race."""
    key = Authenticator(origin=runtime.settings.public_url.rstrip("/"))
    begun = service_factors.begin_passkey(runtime, me, Given(PASSWORD))
    service_factors.add_passkey(runtime, me, "노트북", key.create(begun))
    ceremony = Ceremony(Use.SIGN_IN, "browser")

    for _ in range(ROUNDS):
        key.count = key.count if counts else -1
        answer = key.get(passkeys.options_to_sign(runtime, ceremony))
        attempt = spent(runtime, lambda answer=answer: passkeys.proof(runtime, ceremony, answer))
        assert winners(crowd, attempt) == 1


def test_of_raced_answers_to_one_pending_sign_in_one_wins(
    runtime: Runtime, me: Self, clock: FixedClock, crowd: ThreadPoolExecutor
) -> None:
    app, _codes = app_of(runtime, me, clock)

    for _ in range(ROUNDS):
        clock.advance(timedelta(seconds=30))
        with runtime.db.write() as session:
            person = session.get_one(Person, me.person_id)
            token = service_second.pend(session, runtime, person, HOW).token
        shown = Shown(app.at(clock.now()))

        def attempt(token: str = token, shown: Shown = shown) -> Any:
            return service_second.finish(runtime, visitor(), token, shown)

        assert winners(crowd, attempt) == 1


def test_of_raced_recovery_addresses_one_wins(
    runtime: Runtime, holder: Person, crowd: ThreadPoolExecutor
) -> None:
    for number in range(ROUNDS):
        token = issue_recovery(runtime, Actor.operator(), holder.id).token
        new = f"새로 정한 열쇠말 {number}번"

        def attempt(token: str = token, new: str = new) -> Any:
            return use_recovery(runtime, visitor(), token, new)

        assert winners(crowd, attempt) == 1


def test_of_raced_first_steps_each_opens_its_own_session(
    runtime: Runtime, holder: Person, crowd: ThreadPoolExecutor
) -> None:
    """Nothing here is used up: eight right passwords at once are eight sessions, none shared."""
    tokens: list[str] = []

    def attempt() -> bool:
        opened = sign_in(
            runtime, visitor(), Credentials("holder", PASSWORD), SessionChannel.BROWSER
        )
        tokens.append(opened.token)
        return True

    assert winners(crowd, attempt) == THREADS
    assert len(set(tokens)) == THREADS
