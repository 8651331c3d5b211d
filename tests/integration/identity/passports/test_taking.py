"""Visas of others become evidence: for their subject alone, and only for as long as they hold."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.clock import FixedClock
from gateway.errors import Problem
from gateway.identity.federation.service_links import unlink
from gateway.identity.models import Attestation, Person
from gateway.identity.passports import service_taking as service
from gateway.identity.passports.clearinghouse import Clearinghouse
from gateway.identity.service_attestations import (
    end_attestation,
    identity_level,
    list_attestations,
    unchecked,
)
from gateway.runtime import Runtime
from tests import people
from tests.integration.identity.passports.conftest import link
from tests.parts.visa_issuer import SUBJECT, VisaIssuer

PASSPORTS = "/api/v1/passports"


@pytest.fixture
def house(runtime: Runtime) -> Clearinghouse:
    return Clearinghouse.of(runtime)


@pytest.fixture
def bring(runtime: Runtime, house: Clearinghouse, ada: Person) -> Callable[..., service.Taking]:
    return lambda *tokens: service.take(runtime, house, people.acting_as(ada), tokens)


def level(runtime: Runtime, one: Person) -> int:
    with runtime.db.read() as session:
        return identity_level(session, one.id, runtime.clock.now())


def rows(runtime: Runtime, one: Person) -> list[Attestation]:
    with runtime.db.read() as session:
        return list(list_attestations(session, one.id))


def test_a_visa_counts_at_once_and_ends_with_its_exp(
    bring, issuer: VisaIssuer, runtime: Runtime, ada: Person, clock: FixedClock, events: list[Any]
) -> None:
    assert level(runtime, ada) == 0

    found = bring(issuer.visa())

    assert [visa.type for visa in found.taken] == ["ResearcherStatus"]
    assert level(runtime, ada) == 3
    (row,) = rows(runtime, ada)
    assert (row.issuer, row.checked_by) == ("한국대학교 비자", None)
    taken = [event for event in events if event.action == "visa.taken"]
    assert [event.detail["issuer"] for event in taken] == ["uni"]
    assert taken[0].detail["kind"] == "identity"
    with runtime.db.read() as session:
        assert not unchecked(session)
    clock.advance(timedelta(hours=2))
    assert level(runtime, ada) == 0


def test_a_long_visa_counts_no_longer_than_its_allowed_age(
    bring, issuer: VisaIssuer, runtime: Runtime, ada: Person, clock: FixedClock
) -> None:
    now = int(clock.now().timestamp())

    bring(issuer.visa({"asserted": now - 29 * 86_400}, exp=now + 365 * 86_400))

    (row,) = rows(runtime, ada)
    assert row.valid_until == clock.now() + timedelta(days=1)
    old = bring(issuer.visa({"asserted": now - 31 * 86_400}, exp=now + 365 * 86_400))
    assert [each.reason for each in old.refused] == ["too_old"]


def test_the_same_visa_counts_once_and_a_later_one_takes_its_place(
    bring, issuer: VisaIssuer, runtime: Runtime, ada: Person, clock: FixedClock
) -> None:
    visa = issuer.visa()
    bring(visa)

    again = bring(visa, visa)
    clock.advance(timedelta(minutes=30))
    later = bring(issuer.visa())

    assert (len(again.known), len(again.taken), len(later.taken)) == (2, 0, 1)
    newest, oldest = rows(runtime, ada)
    assert (newest.ended_at, oldest.ended_at) == (None, clock.now())


def test_of_eight_at_once_one_is_taken(bring, issuer: VisaIssuer, runtime, ada) -> None:
    visa = issuer.visa()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _number: bring(visa), range(8)))

    assert sum(len(each.taken) for each in found) == 1
    assert len(rows(runtime, ada)) == 1


def test_a_copied_passport_is_worth_nothing_to_somebody_else(
    issuer: VisaIssuer, runtime: Runtime, house: Clearinghouse, ada: Person, events: list[Any]
) -> None:
    thief = people.make_person(runtime, "thief")
    link(runtime, thief, issuer.issuer, "thief")
    acting = people.acting_as(thief)

    visa = service.take(runtime, house, acting, [issuer.visa()])
    with pytest.raises(Problem) as passport:
        service.take(runtime, house, acting, [issuer.passport(issuer.visa(), sub="thief2")])
    inside = service.take(runtime, house, acting, [issuer.passport(issuer.visa(), sub="thief")])

    assert [each.reason for each in visa.refused] == ["subject_not_linked"]
    assert (passport.value.code, passport.value.extra["reason"]) == (
        "passport_refused",
        "subject_not_linked",
    )
    assert [each.reason for each in inside.refused] == ["subject_not_linked"]
    assert level(runtime, thief) == 0
    assert {event.reason for event in events if event.action == "visa.refused"} == {
        "subject_not_linked"
    }


def test_unlinking_ends_what_came_through_the_identity(
    bring, issuer: VisaIssuer, runtime: Runtime, ada: Person, events: list[Any]
) -> None:
    bring(issuer.visa())
    with runtime.db.read() as session:
        (identity,) = service._identities(session, ada.id).values()

    unlink(runtime, people.acting_as(ada), identity)

    assert level(runtime, ada) == 0
    ended = [event for event in events if event.action == "attestation.ended"]
    assert [event.detail["why"] for event in ended] == ["unlinked"]
    assert [each.reason for each in bring(issuer.visa()).refused] == ["subject_not_linked"]


def test_what_was_ended_counts_again_only_when_it_is_asserted_anew(
    bring, issuer: VisaIssuer, runtime: Runtime, ada: Person, clock: FixedClock
) -> None:
    bring(issuer.visa())
    end_attestation(runtime, people.acting_as(ada), rows(runtime, ada)[0].id)

    same = bring(issuer.visa())
    clock.advance(timedelta(hours=1))
    anew = bring(issuer.visa({"asserted": int(clock.now().timestamp()) - 60}))

    assert [each.reason for each in same.refused] == ["ended_here"]
    assert len(anew.taken) == 1


def test_what_nobody_asks_for_is_believed_and_may_meet_a_condition(
    bring, issuer: VisaIssuer, runtime: Runtime, ada: Person
) -> None:
    place = {"type": "AffiliationAndRole", "value": "member@uni.example.org", "by": "system"}
    condition = [[{"type": "AffiliationAndRole", "value": "pattern:*@uni.example.org"}]]

    alone = bring(issuer.visa({"conditions": condition}))
    both = bring(issuer.passport(issuer.visa({"conditions": condition}), issuer.visa(place)))

    assert [each.reason for each in alone.refused] == ["conditions_not_met"]
    assert [visa.type for visa in both.unused] == ["AffiliationAndRole"]
    assert [visa.type for visa in both.taken] == ["ResearcherStatus"]
    assert level(runtime, ada) == 3


def test_keys_are_kept_and_a_failing_issuer_is_left_alone(
    bring, issuer: VisaIssuer, clock: FixedClock
) -> None:
    bring(issuer.visa(), issuer.visa(jti="two"))
    bring(issuer.visa())
    assert issuer.called == 1

    clock.advance(timedelta(minutes=11))
    issuer.status = 500
    for _ in range(3):
        assert [each.reason for each in bring(issuer.visa()).refused] == ["keys_unusable"]

    assert issuer.called == 2
    clock.advance(timedelta(seconds=11))
    issuer.status = 200
    assert not bring(issuer.visa()).refused


def test_a_program_brings_and_reads(client: FlaskClient, ada: Person, issuer: VisaIssuer) -> None:
    headers = people.bearer(client, ada)
    tokens = [issuer.passport(issuer.visa()), issuer.visa({"by": "dac"})]

    answer = client.post(PASSPORTS, json={"tokens": tokens}, headers=headers)

    assert answer.status_code == 200, answer.text
    assert [one["type"] for one in answer.json["taken"]] == ["ResearcherStatus"]
    (refused,) = answer.json["refused"]
    assert refused["reason"] == "authority_not_accepted"
    assert refused["ko"]
    assert refused["en"]
    (brought,) = client.get(PASSPORTS, headers=headers).json["brought"]
    assert (brought["counts_as"], brought["level"], brought["by"]) == ("identity", 3, "so")


def test_a_passport_that_does_not_hold_is_a_problem_in_both_languages(
    client: FlaskClient, ada: Person, issuer: VisaIssuer
) -> None:
    headers = people.bearer(client, ada)
    body = {"tokens": [issuer.passport(exp=int(issuer.clock.now().timestamp()) - 1)]}

    ko = client.post(f"{PASSPORTS}?lang=ko", json=body, headers=headers)
    en = client.post(f"{PASSPORTS}?lang=en", json=body, headers=headers)

    assert (ko.status_code, ko.json["code"], ko.json["reason"]) == (
        422,
        "passport_refused",
        "expired",
    )
    assert "유효 기간" in ko.json["detail"]
    assert "expired" in en.json["detail"]


def test_a_person_brings_a_passport_on_the_page(at_home: FlaskClient, issuer: VisaIssuer) -> None:
    tokens = f"{issuer.visa()}\n{issuer.visa(sub='mallory')}\n"

    shown = people.post(at_home, "/account/passports?lang=en", tokens=tokens)

    assert shown.status_code == 200
    assert "Counts as evidence" in shown.text
    assert "Link that account first" in shown.text
    korean = at_home.get("/account/passports?lang=ko").text
    assert "다른 기관의 비자" in korean
    assert "한국대학교 비자" in at_home.get("/account").text


def test_an_empty_form_says_what_is_missing(at_home: FlaskClient) -> None:
    assert people.post(at_home, "/account/passports", tokens="").status_code == 422


@pytest.mark.parametrize("subjects_of", ["https://sso.example.org"])
def test_an_issuer_may_name_the_subjects_of_an_identity_provider(
    runtime: Runtime, issuer: VisaIssuer, house: Clearinghouse, subjects_of: str
) -> None:
    one = people.make_person(runtime, "grace")
    link(runtime, one, subjects_of, SUBJECT)
    trusted = next(iter(house.trust.issuers.values()))
    house.trust.issuers[trusted.issuer] = trusted.model_copy(update={"subjects_of": subjects_of})

    found = service.take(runtime, house, people.acting_as(one), [issuer.visa()])

    assert len(found.taken) == 1
