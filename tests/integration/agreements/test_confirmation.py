"""A signature that did not come from the registered official waits, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from gateway.agreements import service_bound, service_confirm, service_official, service_requests
from gateway.agreements.models import OrganisationAcceptance, SignatureRequest
from gateway.agreements.officials import mailbox
from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.identity import service_organisations
from gateway.identity.models import (
    Membership,
    MembershipKind,
    Organisation,
    OrganisationKind,
    OrganisationStatus,
    Person,
    PersonStatus,
)
from gateway.identity.service_organisations import NewOrganisation
from gateway.journal import Act
from gateway.runtime import Runtime
from policies.terms import Change, Signature
from tests import world as made
from tests.integration.agreements.conftest import Town, join, rows
from tests.integration.agreements.publishing import CODE, DAY, bring, codes, told
from tests.integration.agreements.signing import ADDRESS, PDF, Signing
from tests.people import acting_as, bearer, post

MISSING = ("ORGANISATION_ACCEPTANCE_NOT_LIVE",)
WEBMAIL = "somebody@webmail.example"
INSTANT = timedelta(milliseconds=1)
Work = Callable[[], int]
Enter = Callable[[Person], FlaskClient]


def waiting(signing: Signing, one: Person, address: str = WEBMAIL) -> OrganisationAcceptance:
    """A signature with a document, from an address that is no registered official's."""
    answer = signing.sign(signing.link(signing.ask(one, address)), letter=PDF)
    assert answer.status_code == 200, answer.text
    found: OrganisationAcceptance = rows(signing.runtime, OrganisationAcceptance)[-1]
    return found


def confirm(runtime: Runtime, one: Person, row: OrganisationAcceptance) -> OrganisationAcceptance:
    return service_confirm.confirm(runtime, acting_as(one), row.id)


def move(runtime: Runtime, one: Person, **values: Any) -> None:
    """Change somebody's membership."""
    with runtime.db.read() as session:
        place = session.scalars(select(Membership.id).where(Membership.person_id == one.id)).one()
    with runtime.db.write() as session:
        session.execute(update(Membership).where(Membership.id == place).values(values))


def refused(attempt: Callable[[], Any]) -> ProblemCode:
    with pytest.raises(Problem) as caught:
        attempt()
    return caught.value.code


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("Official@Example.COM", "official@example.com"),
        ("official+law@example.com", "official@example.com"),
        ("+law@example.com", "+law@example.com"),
        ("first.last@example.com", "first.last@example.com"),
    ],
)
def test_addresses_are_compared_without_case_and_tag(address: str, known: str) -> None:
    assert mailbox(address) == known


@pytest.mark.parametrize("address", [WEBMAIL, "outsider@example.org", "manager@example.org"])
@pytest.mark.parametrize("capacity", ["representative", "authorised"])
def test_from_an_address_of_no_registered_official_nothing_is_signed_without_a_document(
    runtime: Runtime, town: Town, signing: Signing, address: str, capacity: str
) -> None:
    link = signing.link(signing.ask(town.member, address))

    answer = signing.sign(link, capacity=capacity)

    assert answer.status_code == 422
    assert 'href="#f-letter"' in answer.text
    assert rows(runtime, OrganisationAcceptance) == []


def test_a_signature_from_another_address_opens_nothing_until_it_is_confirmed(
    runtime: Runtime, town: Town, signing: Signing, clock: FixedClock
) -> None:
    row = waiting(signing, town.member)
    assert row.confirmed_at is None
    assert codes(runtime, town.world) == MISSING

    clock.advance(DAY)
    done = confirm(runtime, town.manager, row)

    assert codes(runtime, town.world) == ()
    assert (done.confirmed_at, done.confirmed_by) == (clock.now(), town.manager.id)
    assert done.expires_at == row.expires_at


@pytest.mark.parametrize("address", ["OFFICIAL@Example.Com", "official+law@example.com"])
def test_the_registered_officials_link_goes_to_the_registered_address_and_counts_at_once(
    runtime: Runtime, town: Town, signing: Signing, work: Work, address: str
) -> None:
    request = signing.ask(town.member, address)
    work()
    message, _body = signing.mail(request)

    signing.sign(signing.path(request))

    assert message["To"].addresses[0].addr_spec == ADDRESS
    assert codes(runtime, town.world) == ()
    (row,) = rows(runtime, OrganisationAcceptance)
    assert (row.official_id, row.confirmed_at) == (town.official.id, row.accepted_at)


@pytest.mark.parametrize(
    "address", ["HOLDER@example.org", "holder@EXAMPLE.org", "Holder+official@example.org"]
)
def test_a_members_own_address_is_theirs_in_any_case_and_with_any_tag(
    runtime: Runtime, town: Town, signing: Signing, address: str
) -> None:
    assert town.member.email == "holder@example.org"

    assert refused(lambda: signing.ask(town.member, address)) is ProblemCode.VALIDATION_FAILED
    assert rows(runtime, SignatureRequest) == []


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (Membership, {"kind": MembershipKind.MEMBER}),
        (Membership, {"confirmed_by": None}),
        (Membership, {"ended_at": "now"}),
        (Person, {"status": PersonStatus.SUSPENDED}),
        (Person, {"email": WEBMAIL}),
    ],
)
def test_an_official_who_is_registered_no_longer_when_signing_waits_like_others(
    runtime: Runtime, town: Town, signing: Signing, clock: FixedClock, kind: Any, changes: Any
) -> None:
    link = signing.link(signing.ask(town.member))
    values = {name: clock.now() if to == "now" else to for name, to in changes.items()}
    if kind is Membership:
        move(runtime, town.official, **values)
    else:
        made.change(runtime, Person, town.official.id, **values)

    assert signing.sign(link).status_code == 422
    assert signing.sign(link, letter=PDF).status_code == 200
    assert codes(runtime, town.world) == MISSING


def test_an_official_registered_with_another_organisation_waits(
    runtime: Runtime, town: Town, signing: Signing
) -> None:
    link = signing.link(signing.ask(town.member))
    new = NewOrganisation("다른 회사", OrganisationKind.COMPANY, "DE")
    other = service_organisations.register(runtime, acting_as(town.outsider), new)
    move(runtime, town.official, organisation_id=other.id)

    assert signing.sign(link).status_code == 422


def test_nobody_confirms_what_they_asked_for_or_signed(
    runtime: Runtime, town: Town, signing: Signing
) -> None:
    asked = waiting(signing, town.manager)
    assert refused(lambda: confirm(runtime, town.manager, asked)) is ProblemCode.FORBIDDEN
    given = waiting(signing, town.member, "Manager+a@example.org")
    assert refused(lambda: confirm(runtime, town.manager, given)) is ProblemCode.FORBIDDEN
    join(runtime, town.world, town.steward, MembershipKind.MEMBER)
    stewards = waiting(signing, town.steward)
    assert refused(lambda: confirm(runtime, town.steward, stewards)) is ProblemCode.FORBIDDEN
    assert codes(runtime, town.world) == MISSING

    confirm(runtime, town.manager, stewards)

    assert codes(runtime, town.world) == ()


def test_only_a_manager_of_the_organisation_or_a_steward_confirms(
    runtime: Runtime, town: Town, signing: Signing
) -> None:
    row = waiting(signing, town.member)

    for one in (town.member, town.official, town.outsider):
        assert refused(lambda one=one: confirm(runtime, one, row)) is ProblemCode.FORBIDDEN  # type: ignore[misc]
    assert codes(runtime, town.world) == MISSING
    confirm(runtime, town.steward, row)

    assert codes(runtime, town.world) == ()


def test_what_waits_leaves_the_confirmed_signature_alone_until_it_is_confirmed(
    runtime: Runtime, town: Town, signing: Signing, clock: FixedClock
) -> None:
    signing.signed(town.member)
    clock.advance(DAY)
    row = waiting(signing, town.member)
    first = rows(runtime, OrganisationAcceptance)[0]
    assert first.ended_at is None
    assert codes(runtime, town.world) == ()

    clock.advance(DAY)
    confirm(runtime, town.manager, row)

    first, second = rows(runtime, OrganisationAcceptance)
    assert (first.ended_at, second.ended_at) == (clock.now(), None)
    assert codes(runtime, town.world) == ()


def test_a_later_signature_takes_the_place_of_one_that_waits(
    runtime: Runtime, town: Town, signing: Signing
) -> None:
    first, second = waiting(signing, town.member), waiting(signing, town.member)
    assert refused(lambda: confirm(runtime, town.manager, first)) is ProblemCode.WRONG_STATE

    signing.signed(town.member)

    assert refused(lambda: confirm(runtime, town.manager, second)) is ProblemCode.WRONG_STATE
    assert codes(runtime, town.world) == ()


def test_what_was_confirmed_ended_ran_out_or_was_superseded_is_not_confirmed(
    runtime: Runtime, town: Town, signing: Signing, clock: FixedClock
) -> None:
    def wrong(row: OrganisationAcceptance) -> bool:
        attempt = lambda: confirm(runtime, town.manager, row)  # noqa: E731
        return refused(attempt) is ProblemCode.WRONG_STATE

    twice = waiting(signing, town.member)
    confirm(runtime, town.manager, twice)
    assert wrong(twice)
    ended = waiting(signing, town.member)
    service_official.end(runtime, acting_as(town.manager), ended.id)
    assert wrong(ended)
    over = waiting(signing, town.member)
    made.change(runtime, OrganisationAcceptance, over.id, expires_at=clock.now())
    assert wrong(over)
    older = waiting(signing, town.member)
    bring(runtime, 2, Change.MATERIAL, signature=Signature.PERSONAL_AND_ORGANISATION)
    assert wrong(older)


def test_nothing_is_confirmed_for_a_suspended_organisation(
    runtime: Runtime, town: Town, signing: Signing
) -> None:
    row = waiting(signing, town.member)
    made.change(runtime, Organisation, town.world.organisation, status=OrganisationStatus.SUSPENDED)

    assert refused(lambda: confirm(runtime, town.steward, row)) is ProblemCode.WRONG_STATE


def test_two_who_confirm_at_once_confirm_once(
    runtime: Runtime, town: Town, signing: Signing
) -> None:
    row = waiting(signing, town.member)

    def attempt(one: Person) -> str:
        try:
            confirm(runtime, one, row)
        except Problem as problem:
            return str(problem.code)
        return "confirmed"

    with ThreadPoolExecutor(4) as pool:
        done = sorted(pool.map(attempt, [town.manager, town.steward] * 2))

    assert done == ["confirmed", *["wrong_state"] * 3]
    assert len(told(runtime, Act.AGREEMENT_ORGANISATION_CONFIRMED)) == 1


def test_the_log_tells_what_was_confirmed_and_names_nobody(
    runtime: Runtime, town: Town, signing: Signing
) -> None:
    row = waiting(signing, town.member)
    confirm(runtime, town.manager, row)

    (signed,) = told(runtime, Act.AGREEMENT_ORGANISATION_SIGNED)
    (confirmed,) = told(runtime, Act.AGREEMENT_ORGANISATION_CONFIRMED)

    assert b"once_confirmed" in signed.leaf
    leaf = confirmed.leaf.decode()
    assert all(str(each) in leaf for each in (row.id, row.organisation_id, row.letter_sha256))
    assert row.official_name not in leaf
    assert WEBMAIL not in leaf


def test_an_access_was_bound_by_the_officials_text_only_from_the_confirmation_on(
    runtime: Runtime, town: Town, signing: Signing, clock: FixedClock
) -> None:
    row = waiting(signing, town.member)
    clock.advance(DAY)
    confirm(runtime, town.manager, row)

    world, now = town.world, clock.now()
    with runtime.db.read() as session:
        held = [
            service_bound.bound(session, world.person, world.organisation, CODE, at).organisation
            for at in (now - INSTANT, now)
        ]

    assert held[0] is None
    assert held[1] is not None
    assert held[1].id == row.id


def test_the_page_shows_what_waits_and_the_button_to_those_who_may_confirm(
    runtime: Runtime, town: Town, signing: Signing, enter: Enter
) -> None:
    row = waiting(signing, town.member)
    join(runtime, town.world, town.outsider, MembershipKind.MEMBER)
    address = f"/orgs/{town.world.organisation}/signatures"
    button = f"/orgs/signatures/{row.id}/confirm"
    manager, other = enter(town.manager), enter(town.outsider)

    assert "Waits for confirmation" in manager.get(f"{address}?lang=en").text
    assert "확인 대기" in manager.get(f"{address}?lang=ko").text
    assert button in manager.get(address).text
    assert button not in other.get(address).text
    assert post(other, button).status_code == 403
    assert post(manager, button).status_code == 303

    assert codes(runtime, town.world) == ()
    assert button not in manager.get(address).text


def test_the_page_of_the_link_says_that_a_document_is_needed_and_that_it_waits(
    runtime: Runtime, town: Town, signing: Signing, app: Flask
) -> None:
    link = signing.link(signing.ask(town.member, WEBMAIL))
    page = app.test_client().get(f"{link}?lang=en").text
    done = signing.sign(f"{link}?lang=en", letter=PDF).text
    official = app.test_client().get(f"{signing.link(signing.ask(town.member))}?lang=en").text

    words = "did not go to a registered signing official"
    assert words in page
    assert words not in official
    assert "Waits for confirmation" in done


def test_the_api_confirms_and_tells_how_the_signature_stands(
    runtime: Runtime, town: Town, signing: Signing, app: Flask
) -> None:
    row = waiting(signing, town.member)
    client = app.test_client(use_cookies=False)
    below = "/api/v1/organisations"
    steward = bearer(client, town.steward)
    outsider = bearer(client, town.outsider)

    listed = client.get(f"{below}/{town.world.organisation}/signatures", headers=steward)
    refused = client.post(f"{below}/signatures/{row.id}/confirm", headers=outsider)
    answer = client.post(f"{below}/signatures/{row.id}/confirm", headers=steward)

    assert listed.json["signatures"][0]["standing"] == "unconfirmed"
    assert (refused.status_code, answer.status_code) == (403, 200)
    assert answer.json["standing"] == "live"
    assert answer.json["confirmed_at"] is not None


def test_who_has_left_the_organisation_cancels_nothing_any_more(
    runtime: Runtime, town: Town, signing: Signing, clock: FixedClock
) -> None:
    request = signing.ask(town.member)
    cancel = lambda one: service_requests.cancel(runtime, acting_as(one), request.id)  # noqa: E731
    made.change(runtime, Membership, town.world.membership, ended_at=clock.now())

    assert refused(lambda: cancel(town.member)) is ProblemCode.FORBIDDEN
    cancel(town.manager)

    assert len(told(runtime, Act.AGREEMENT_SIGNATURE_CANCELLED)) == 1
