"""Coming in through a provider: one browser, one use, ten minutes; nobody by e-mail alone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.clock import FixedClock
from gateway.errors import Problem
from gateway.identity.federation import service_entry, service_flows
from gateway.identity.federation.exchange import Answer, Proven
from gateway.identity.federation.service_flows import Errand, Federation
from gateway.identity.federation.service_links import identities_of
from gateway.identity.models import Role
from gateway.identity.models_factors import OneTimePassword
from gateway.identity.models_federation import FlowPurpose
from gateway.identity.service_people import NewPerson, find_by_account, suspend
from gateway.identity.site_documents import current_hashes
from gateway.journal import Actor
from gateway.observability.metrics import REGISTRY
from gateway.runtime import Runtime
from tests import people
from tests.integration.identity.federation.conftest import ID, Traveller
from tests.parts.provider import SUBJECT, Lies, Provider, ec_key
from tests.people import make_person, post, sign_in, visitor

Browser = Callable[..., FlaskClient]


def sign_up_fields(**changed: str) -> dict[str, str]:
    hashes = {f"{document}_sha256": sha256 for document, sha256 in current_hashes().items()}
    fields = {
        "account": "newcomer", "name": "홍길동", "email": "hong@snu.ac.kr", "country": "KR",
        "national": "yes", "terms": "true", "privacy": "true",
    }  # fmt: skip
    return fields | hashes | changed


def linked(traveller: Traveller, account: str = "hong") -> people.Person:
    """Somebody who has linked their identity, signed out again."""
    runtime: Runtime = traveller.client.application.extensions["sumun"]
    one = make_person(runtime, account)
    sign_in(traveller.client, one)
    answer = traveller.go(f"/account/identities/with/{ID}")
    assert answer.status_code == 303, answer.text
    post(traveller.client, "/sign-out")
    return one


def test_a_linked_identity_signs_in_and_the_event_says_how(
    traveller: Traveller, events: list[Any]
) -> None:
    linked(traveller)

    answer = traveller.go(next="/account/documents")

    started = [event for event in events if event.action == "session.started"][-1]
    assert answer.status_code == 303
    assert traveller.signed_in
    assert started.detail == {
        "channel": "browser", "acr": "urn:sumun:acr:password", "amr": "fed",
        "provider": ID, "shown_by": "id_token",
        "provider_acr": "urn:example:2", "provider_amr": "pwd,otp",
    }  # fmt: skip


def test_a_provider_does_not_stand_in_for_a_second_factor(traveller: Traveller) -> None:
    runtime: Runtime = traveller.client.application.extensions["sumun"]
    one = linked(traveller)
    with runtime.db.write() as session:
        session.add(
            OneTimePassword(
                person_id=one.id,
                sealed=b"sealed",
                last_step=0,
                created_at=runtime.clock.now(),
                confirmed_at=runtime.clock.now(),
            )
        )

    answer = traveller.go(next="/account")

    assert answer.headers["Location"].startswith("/sign-in/second")
    assert not traveller.signed_in
    assert 'name="code"' in traveller.client.get("/sign-in/second").text


def test_answers_are_counted(traveller: Traveller) -> None:
    def counted(outcome: str) -> float:
        labels = {"provider": ID, "outcome": outcome}
        return REGISTRY.get_sample_value("sumun_identity_provider_answers_total", labels) or 0

    before = counted("accepted"), counted("nonce_wrong")
    traveller.go()
    traveller.provider.lies = Lies(claims=lambda honest: honest | {"nonce": "x"})
    traveller.go()

    assert (counted("accepted"), counted("nonce_wrong")) == (before[0] + 1, before[1] + 1)


def test_the_page_before_leads_on_without_a_form(traveller: Traveller) -> None:
    address = traveller.leave()

    assert address.startswith(f"{traveller.provider.issuer}/authorize?")
    assert "code_challenge_method=S256" in address
    for secret in ("state", "nonce", "code_challenge"):
        assert f"{secret}=" in address


def test_an_answer_is_used_once(traveller: Traveller) -> None:
    linked(traveller)
    address = traveller.leave()

    first, second = traveller.come_back(address), traveller.come_back(address)

    assert (first.status_code, second.status_code) == (303, 403)


def test_a_refused_answer_uses_its_flow_up(traveller: Traveller) -> None:
    linked(traveller)
    address = traveller.leave()
    traveller.provider.lies = Lies(claims=lambda honest: honest | {"nonce": "x"})
    refused = traveller.come_back(address)
    traveller.provider.lies = Lies()

    again = traveller.come_back(address)

    assert (refused.status_code, again.status_code) == (403, 403)


def test_an_answer_for_another_browser_is_refused(
    traveller: Traveller, browser: Browser, events: list[Any]
) -> None:
    linked(traveller)
    address = traveller.leave()

    answer = Traveller(browser(), traveller.provider).come_back(address)

    assert (answer.status_code, events[-1].reason) == (403, "state_unknown")


def test_an_answer_after_ten_minutes_is_refused(traveller: Traveller, clock: FixedClock) -> None:
    linked(traveller)
    address = traveller.leave()
    clock.advance(timedelta(minutes=10))

    assert traveller.come_back(address).status_code == 403


def test_a_parameter_that_comes_twice_is_refused(traveller: Traveller) -> None:
    linked(traveller)
    address = traveller.leave()
    twice = [traveller.provider.issuer, "https://accounts.example"]
    traveller.provider.lies = Lies(back=lambda honest: honest | {"iss": twice})

    assert traveller.come_back(address).status_code == 403


def test_who_cancels_reads_that_they_did(traveller: Traveller) -> None:
    address = traveller.leave()
    traveller.provider.lies = Lies(back=lambda honest: honest | {"error": "access_denied"})

    answer = traveller.come_back(address)

    assert answer.status_code == 403
    assert "외부 계정 로그인이 취소되었습니다." in answer.text


def test_a_provider_that_is_down_is_a_503_that_says_so(
    traveller: Traveller, events: list[Any]
) -> None:
    answer_of = lambda sent: (500, {}, sent[2], {})  # noqa: E731
    traveller.provider.lies = Lies(reply=answer_of)

    answer = post(traveller.client, f"/sign-in/with/{ID}")

    assert (answer.status_code, events[-1].action) == (503, "identity.refused")
    assert "외부 계정 제공 기관을 이용할 수 없습니다" in answer.text


def test_a_provider_that_failed_is_left_alone_for_a_moment(
    traveller: Traveller, clock: FixedClock
) -> None:
    traveller.provider.lies = Lies(reply=lambda sent: (500, {}, sent[2], {}))
    statuses = [post(traveller.client, f"/sign-in/with/{ID}").status_code for _ in range(3)]
    asked = len(traveller.provider.requests)
    traveller.provider.lies = Lies()
    clock.advance(timedelta(seconds=10))

    answer = post(traveller.client, f"/sign-in/with/{ID}")

    assert (statuses, asked, answer.status_code) == ([503, 503, 503], 1, 200)


@pytest.mark.parametrize("more", [{"allow_private": False, "issuer": "https://127.0.0.1:1"}])
def test_a_private_address_is_not_called(traveller: Traveller, more: dict[str, Any]) -> None:
    answer = post(traveller.client, f"/sign-in/with/{ID}")

    assert answer.status_code == 503
    assert traveller.provider.requests == []


def test_of_eight_answers_at_once_exactly_one_finds_the_flow(runtime: Runtime) -> None:
    federation = Federation.of(runtime)
    provider = federation.provider(ID)

    for _ in range(50):
        kept = service_flows.Secrets("browser", service_flows.secrets.token_urlsafe(8))
        service_flows._store(runtime, provider, Errand(FlowPurpose.SIGN_IN), kept)

        def use(_number: int, kept: Any = kept) -> bool:
            try:
                service_flows._used(runtime, provider, kept)
            except service_flows.Refused:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(use, range(8))) == 1


def test_of_eight_sign_ups_at_once_exactly_one_gets_the_identity(runtime: Runtime) -> None:
    federation = Federation.of(runtime)
    for round_number in range(50):
        proven = Proven(ID, federation.provider(ID).issuer, f"s-{round_number}", signed=True)
        token = service_entry._wait(runtime, proven).token

        def take(number: int, token: str = token, at: int = round_number) -> bool:
            new = NewPerson(f"racer-{at}-{number}", "이름", "a@example.org")
            place = visitor(f"10.{at}.{number}.1")
            try:
                service_entry.sign_up(runtime, federation, place, (new, current_hashes(), token))
            except Problem:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(take, range(8))) == 1


def test_an_unlinked_identity_never_joins_an_account_by_its_address(
    runtime: Runtime, traveller: Traveller
) -> None:
    owner = make_person(runtime, "hong")
    same_address = Lies(claims=lambda honest: honest | {"email": owner.email})
    traveller.provider.lies = same_address

    answer = traveller.go()

    assert answer.headers["Location"] == "/sign-in/new"
    assert not traveller.signed_in
    with runtime.db.read() as session:
        assert identities_of(session, owner.id) == []


def test_an_unlinked_identity_can_be_linked_after_signing_in(
    runtime: Runtime, traveller: Traveller, events: list[Any]
) -> None:
    owner = make_person(runtime, "hong")
    traveller.go()
    sign_in(traveller.client, owner)
    asked = traveller.client.get("/account/identities/new")
    with runtime.db.read() as session:
        before = list(identities_of(session, owner.id))

    answer = post(traveller.client, "/account/identities/new")

    with runtime.db.read() as session:
        after = [row.subject for row in identities_of(session, owner.id)]
    assert (SUBJECT in asked.text, before, after) == (True, [], [SUBJECT])
    assert answer.status_code == 303
    assert [event.action for event in events][-1] == "identity.linked"
    assert post(traveller.client, "/account/identities/new").status_code == 403


def test_a_new_account_needs_the_documents_and_has_no_password(
    runtime: Runtime, traveller: Traveller, events: list[Any]
) -> None:
    traveller.go()

    refused = post(traveller.client, "/sign-in/new", **sign_up_fields(terms=""))
    made = post(traveller.client, "/sign-in/new", **sign_up_fields())

    acts = [event.action for event in events]
    with runtime.db.read() as session:
        one = find_by_account(session, "newcomer")
    assert (refused.status_code, made.status_code) == (422, 303)
    assert one is not None
    assert one.password_hash == ""
    assert traveller.signed_in
    assert acts[-3:] == ["person.signed_up", "identity.linked", "session.started"]


def test_a_taken_account_name_keeps_the_identity_waiting(
    runtime: Runtime, traveller: Traveller
) -> None:
    make_person(runtime, "hong")
    traveller.go()

    taken = post(traveller.client, "/sign-in/new", **sign_up_fields(account="hong"))
    made = post(traveller.client, "/sign-in/new", **sign_up_fields())

    assert (taken.status_code, made.status_code) == (409, 303)


def test_who_has_no_password_cannot_sign_in_with_an_empty_one(
    traveller: Traveller, browser: Browser
) -> None:
    traveller.go()
    post(traveller.client, "/sign-in/new", **sign_up_fields())

    for guess in (" ", "x", "no password at all"):
        answer = post(browser(), "/sign-in", account="newcomer", password=guess)
        assert answer.status_code in (401, 422)


def test_a_suspended_person_does_not_come_in(
    runtime: Runtime, traveller: Traveller, events: list[Any]
) -> None:
    one = linked(traveller)
    suspend(runtime, Actor.operator(), one.id, "조사 중")

    answer = traveller.go()

    assert answer.status_code == 401
    assert not traveller.signed_in
    assert (events[-1].action, events[-1].reason) == ("session.refused", "account_suspended")


def test_the_session_from_before_ends(runtime: Runtime, traveller: Traveller) -> None:
    linked(traveller)
    other = make_person(runtime, "other")
    sign_in(traveller.client, other)
    before = traveller.client.get_cookie("sumun_session")
    traveller.go()

    after = traveller.client.get_cookie("sumun_session")
    thief = traveller.client.application.test_client()
    thief.set_cookie("sumun_session", before.value)

    assert before.value != after.value
    assert thief.get("/account").status_code == 303


def test_an_address_that_begins_too_often_waits(traveller: Traveller) -> None:
    statuses = {post(traveller.client, f"/sign-in/with/{ID}").status_code for _ in range(61)}

    assert statuses == {200, 429}


@pytest.mark.parametrize("more", [{"userinfo": True}])
def test_userinfo_about_another_subject_is_refused(
    traveller: Traveller, events: list[Any], more: dict[str, Any]
) -> None:
    believed = traveller.go()
    traveller.provider.lies = Lies(userinfo=lambda honest: honest | {"sub": "somebody-else"})

    refused = traveller.go()

    assert (believed.status_code, refused.status_code) == (303, 403)
    assert events[-1].reason == "userinfo_wrong"


def test_a_key_that_was_rotated_is_fetched_once_and_a_flood_of_unknown_ones_is_not(
    traveller: Traveller, clock: FixedClock
) -> None:
    linked(traveller)
    new = ec_key("two")
    traveller.provider.lies = Lies(
        header=lambda _: {"alg": "ES256", "kid": "two"}, signing_key=new,
        keys=lambda honest: {"keys": [*honest["keys"], new.as_dict(private=False)]},
    )  # fmt: skip
    too_early = traveller.go()
    clock.advance(timedelta(seconds=30))

    answer = traveller.go()

    assert (too_early.status_code, answer.status_code) == (403, 303)
    assert traveller.provider.requests.count("/jwks") == 2


class TestUnsigned:
    """A provider that signs nothing: OAuth 2.0 with a profile, as Naver is."""

    @pytest.fixture
    def more(self, provider: Provider) -> dict[str, Any]:
        return {
            "kind": "naver", "authorization_endpoint": f"{provider.issuer}/authorize",
            "token_endpoint": f"{provider.issuer}/token",
            "profile_endpoint": f"{provider.issuer}/profile",
        }  # fmt: skip

    def test_it_signs_in_whoever_has_linked_it(
        self, traveller: Traveller, events: list[Any]
    ) -> None:
        linked(traveller)

        answer = traveller.go()

        started = [event for event in events if event.action == "session.started"][-1]
        assert answer.status_code == 303
        assert started.detail["shown_by"] == "profile"

    def test_it_does_not_sign_in_staff(
        self, runtime: Runtime, traveller: Traveller, events: list[Any]
    ) -> None:
        people.grant(runtime, linked(traveller), Role.STEWARD)

        answer = traveller.go()

        assert answer.status_code == 403
        assert events[-1].reason == "unsigned_for_staff"
        assert not traveller.signed_in

    @pytest.mark.parametrize(
        "lie",
        [
            lambda honest: honest | {"resultcode": "024"},
            lambda honest: honest | {"response": None},
            lambda honest: honest | {"response": {"id": ""}},
        ],
    )
    def test_a_profile_that_is_none_is_refused(self, traveller: Traveller, lie: Any) -> None:
        traveller.provider.lies = Lies(userinfo=lie)

        assert traveller.go().status_code == 403


def test_a_code_and_a_state_of_somebody_else_are_refused_together(
    runtime: Runtime, traveller: Traveller
) -> None:
    federation = Federation.of(runtime)
    made_up = Answer(code="good-code", state="s" * 43, iss=traveller.provider.issuer)

    with pytest.raises(Problem) as refused:
        service_flows.finish(runtime, federation, visitor(), ID, (made_up, "b" * 43))

    assert refused.value.extra["reason"] == "state_unknown"
