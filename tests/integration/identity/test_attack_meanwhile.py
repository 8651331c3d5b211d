"""A request of a thief that is under way while the owner throws them out changes nothing any more.

Whatever is checked before the transaction is checked in it again: each test lets the owner act in
the moment between.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import select

from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.identity import passwords, service_corrections
from gateway.identity.federation import service_entry, service_links
from gateway.identity.federation.exchange import Proven
from gateway.identity.federation.service_flows import Errand, Federation
from gateway.identity.models import Person
from gateway.identity.models_federation import FlowPurpose
from gateway.identity.service_passwords import change_password
from gateway.identity.service_sessions import sign_out
from gateway.identity.ways import RECENT
from gateway.runtime import Runtime
from tests import oauth_peer
from tests.people import PASSWORD, acting_as

THIEFS, OWNERS = "도둑이 정한 열쇠말 2026", "주인이 정한 열쇠말 2026"
PROVEN = Proven("p", "https://idp.example", "thief", True)
DIRECTORY = cast(
    Federation,
    SimpleNamespace(
        provider=lambda name: SimpleNamespace(id=name, organisations={}, organisation_claim="")
    ),
)
Act = Callable[[], object]


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str, Act], None]:
    """Let somebody act in another thread when `module.name` has returned for the first time."""

    def arrange(module: Any, name: str, act: Act) -> None:
        original = getattr(module, name)

        def slow(*given: Any) -> Any:
            found = original(*given)
            monkeypatch.setattr(module, name, original)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(act).result()
            return found

        monkeypatch.setattr(module, name, slow)

    return arrange


def code_of(attempt: Act) -> ProblemCode:
    with pytest.raises(Problem) as refused:
        attempt()
    return refused.value.code


def password_is(runtime: Runtime, password: str) -> bool:
    with runtime.db.read() as session:
        stored = session.scalars(select(Person.password_hash).where(Person.account == "mina")).one()
    return passwords.matches(runtime.db, stored, password)


def test_a_password_that_was_changed_meanwhile_stays(
    runtime: Runtime, mina: Person, meanwhile: Callable[[Any, str, Act], None]
) -> None:
    owner, thief = acting_as(mina), oauth_peer.browser_session(runtime, mina)
    meanwhile(passwords, "hashed", lambda: change_password(runtime, owner, PASSWORD, OWNERS, None))

    refused = code_of(lambda: change_password(runtime, owner, PASSWORD, THIEFS, thief))

    assert refused is ProblemCode.WRONG_STATE
    assert password_is(runtime, OWNERS)


def test_a_session_that_was_ended_meanwhile_changes_no_password(
    runtime: Runtime, mina: Person, meanwhile: Callable[[Any, str, Act], None]
) -> None:
    owner, thief = acting_as(mina), oauth_peer.browser_session(runtime, mina)
    meanwhile(passwords, "hashed", lambda: sign_out(runtime, owner, thief))

    refused = code_of(lambda: change_password(runtime, owner, PASSWORD, THIEFS, thief))

    assert refused is ProblemCode.NOT_SIGNED_IN
    assert password_is(runtime, PASSWORD)


def test_a_session_that_was_ended_meanwhile_corrects_nothing(
    runtime: Runtime, mina: Person, meanwhile: Callable[[Any, str, Act], None]
) -> None:
    me, here = acting_as(mina), oauth_peer.browser_session(runtime, mina)
    meanwhile(service_corrections.rules, "email", lambda: sign_out(runtime, me, here))
    wanted = service_corrections.Correction("미나", "thief@evil.example", "KR", None, "ko")

    refused = code_of(lambda: service_corrections.correct(runtime, me, wanted, here))

    assert refused is ProblemCode.NOT_SIGNED_IN
    with runtime.db.read() as session:
        assert session.get_one(Person, mina.id).email != wanted.email


@pytest.mark.parametrize("ended", [True, False])
def test_an_identity_is_linked_by_no_session_that_ended_or_grew_old(
    runtime: Runtime, clock: FixedClock, mina: Person, ended: bool
) -> None:
    me, here = acting_as(mina), oauth_peer.browser_session(runtime, mina)
    waiting = service_entry._wait(runtime, PROVEN).token
    errand = Errand(FlowPurpose.LINK, here, "/")
    if ended:
        sign_out(runtime, me, here)
    else:
        clock.advance(RECENT)

    codes = {
        code_of(lambda: service_entry.link_waiting(runtime, DIRECTORY, me, (waiting, here))),
        code_of(lambda: service_links.link(runtime, DIRECTORY, me, (errand, PROVEN, here))),
    }

    assert codes == {ProblemCode.NOT_SIGNED_IN if ended else ProblemCode.WRONG_STATE}
    with runtime.db.read() as session:
        assert not service_links.identities_of(session, mina.id)
