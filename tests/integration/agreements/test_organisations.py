"""An organisation's signature, from the request to its end, on both databases."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.agreements import service_official, service_overview, service_requests
from gateway.agreements.models import OrganisationAcceptance, SignatureRequest
from gateway.agreements.service_official import Capacity, OfficialSigning
from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import (
    Membership,
    MembershipKind,
    Organisation,
    OrganisationStatus,
    Person,
)
from gateway.jobs.models import Job
from gateway.journal import Act
from gateway.runtime import Runtime
from policies.terms import Change, Signature
from tests import world as made
from tests.integration.agreements.conftest import Town, rows
from tests.integration.agreements.publishing import DAY, bring, codes, told, version
from tests.integration.agreements.signing import ADDRESS, OFFICIAL, PDF, Signing
from tests.people import acting_as, bearer, csrf, post, visitor

MISSING = ("ORGANISATION_ACCEPTANCE_NOT_LIVE",)
Work = Callable[[], int]
Enter = Callable[[Person], FlaskClient]


def organisation_signs() -> dict[str, Any]:
    """The term by which an official signs, too."""
    return {"signature": Signature.PERSONAL_AND_ORGANISATION}


def refused(attempt: Any) -> ProblemCode:
    with pytest.raises(Problem) as caught:
        attempt()
    return caught.value.code


def test_the_grant_opens_once_the_official_has_signed_from_the_mailed_link(
    runtime: Runtime, town: Town, signing: Signing, work: Work
) -> None:
    assert codes(runtime, town.world) == MISSING
    request = signing.ask(town.member)
    work()

    answer = signing.sign(signing.path(request))

    assert answer.status_code == 200
    assert codes(runtime, town.world) == ()
    (made_row,) = rows(runtime, OrganisationAcceptance)
    assert (made_row.official_name, made_row.official_title) == (OFFICIAL, "대표이사")
    assert (made_row.method, made_row.request_id) == ("mailed_link", request.id)
    assert made_row.sha256 == version(runtime, 1).sha256


def test_the_mail_says_who_asks_for_what_in_both_languages(
    runtime: Runtime, town: Town, signing: Signing, work: Work
) -> None:
    request = signing.ask(town.member)
    work()

    message, body = signing.mail(request)

    assert message["To"].addresses[0].addr_spec == ADDRESS
    assert "공개 연구용 데이터 이용협약" in message["Subject"]
    assert all(word in body for word in (OFFICIAL, "기관", town.member.name, "2026-11-16"))
    assert "signing official alone" in body
    assert signing.letter(request).stat().st_mode & 0o077 == 0


def test_the_secret_of_the_link_is_nowhere_in_the_database(
    runtime: Runtime, town: Town, signing: Signing, work: Work
) -> None:
    request = signing.ask(town.member)
    work()
    secret = signing.path(request).rpartition("/")[2]

    stored = [str(vars(row)) for kind in (SignatureRequest, Job) for row in rows(runtime, kind)]

    assert secret == signing.token(request)
    assert not any(secret in row for row in stored)


def test_whoever_asks_gets_no_link(
    runtime: Runtime, town: Town, signing: Signing, app: Any
) -> None:
    made.change(runtime, Membership, town.world.membership, person_id=town.outsider.id)
    client = app.test_client(use_cookies=False)
    below = f"/api/v1/organisations/{town.world.organisation}"
    body = {"code": "open-test", "official_name": OFFICIAL, "official_email": ADDRESS}

    answer = client.post(
        f"{below}/signature-requests", json=body, headers=bearer(client, town.outsider)
    )

    assert answer.status_code == 201
    secret = service_requests.token_of(runtime, uuid.UUID(answer.json["id"]))
    assert secret not in answer.text
    assert ADDRESS not in answer.text


def test_the_link_works_once(runtime: Runtime, town: Town, signing: Signing) -> None:
    request = signing.signed(town.member)

    again = signing.sign(signing.link(request))

    assert again.status_code == 404
    assert len(rows(runtime, OrganisationAcceptance)) == 1
    assert len(told(runtime, Act.AGREEMENT_SIGNATURE_REFUSED)) == 1


def test_the_link_holds_for_a_fortnight_and_no_longer(
    runtime: Runtime, town: Town, signing: Signing, clock: FixedClock, app: Any
) -> None:
    request = signing.ask(town.member)

    clock.advance(14 * DAY - timedelta(milliseconds=1))
    assert app.test_client().get(signing.link(request)).status_code == 200
    clock.advance(timedelta(milliseconds=1))
    assert app.test_client().get(signing.link(request)).status_code == 404
    assert signing.sign(signing.link(request)).status_code == 404


def test_asking_again_and_cancelling_end_the_earlier_link(
    runtime: Runtime, town: Town, signing: Signing, app: Any
) -> None:
    first = signing.ask(town.member)
    second = signing.ask(town.manager)
    statuses = [app.test_client().get(signing.link(one)).status_code for one in (first, second)]
    assert statuses == [404, 200]

    service_requests.cancel(runtime, acting_as(town.manager), second.id)

    assert app.test_client().get(signing.link(second)).status_code == 404
    assert len(told(runtime, Act.AGREEMENT_SIGNATURE_CANCELLED)) == 2
    again = lambda: service_requests.cancel(runtime, acting_as(town.manager), second.id)  # noqa: E731
    assert refused(again) is ProblemCode.WRONG_STATE


def test_a_cancelled_request_is_not_mailed(
    runtime: Runtime, town: Town, signing: Signing, work: Work
) -> None:
    request = signing.ask(town.member)
    service_requests.cancel(runtime, acting_as(town.member), request.id)

    work()

    assert not signing.letter(request).exists()


def test_two_who_sign_at_once_make_one_signature(
    runtime: Runtime, town: Town, signing: Signing
) -> None:
    token = signing.token(signing.ask(town.member))
    handed_in = OfficialSigning(
        version(runtime, 1).sha256, OFFICIAL, "대표", Capacity.REPRESENTATIVE, "ko"
    )

    def attempt(number: int) -> str:
        try:
            service_official.sign(runtime, visitor(f"192.0.2.{number}"), token, handed_in)
        except Problem as problem:
            return str(problem.code)
        return "signed"

    with ThreadPoolExecutor(6) as pool:
        done = sorted(pool.map(attempt, range(1, 7)))

    assert done == [*["not_found"] * 5, "signed"]
    assert len(rows(runtime, OrganisationAcceptance)) == 1
    assert len(told(runtime, Act.AGREEMENT_ORGANISATION_SIGNED)) == 1


def test_the_letter_of_authority_is_kept_and_handed_out_as_a_download(
    runtime: Runtime, town: Town, signing: Signing, enter: Enter
) -> None:
    signing.signed(town.member, capacity="authorised", letter=PDF)
    (row,) = rows(runtime, OrganisationAcceptance)
    address = f"/orgs/signatures/{row.id}/letter"

    answer = enter(town.manager).get(address)

    assert answer.data == PDF
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert answer.headers["Cache-Control"] == "no-store"
    assert len(told(runtime, Act.AGREEMENT_LETTER_READ)) == 1
    assert enter(town.steward).get(address).status_code == 200
    assert enter(town.outsider).get(address).status_code == 403
    assert signing.app.test_client().get(address).status_code == 303


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"typed_name": "다른 사람"}, "typed_name"),
        ({"title": None}, "title"),
        ({"capacity": None}, "capacity"),
        ({"capacity": "friend"}, "capacity"),
        ({"read": None}, "read"),
        ({"capacity": "authorised"}, "letter"),
        ({"letter": b"<html>not a letter"}, "letter"),
        ({"letter": b""}, "letter"),
    ],
)
def test_a_form_that_is_not_whole_comes_back_with_the_field_named(
    runtime: Runtime, town: Town, signing: Signing, changes: dict[str, Any], field: str
) -> None:
    link = signing.link(signing.ask(town.member))

    answer = signing.sign(link, **changes)

    assert answer.status_code == 422
    assert f'href="#f-{field}"' in answer.text
    assert rows(runtime, OrganisationAcceptance) == []
    assert signing.sign(link).status_code == 200


def test_a_letter_that_is_too_large_is_refused_and_the_link_stays(
    runtime: Runtime, town: Town, signing: Signing
) -> None:
    link = signing.link(signing.ask(town.member))

    assert signing.sign(link, letter=PDF + bytes(3 << 20)).status_code == 200
    second = signing.link(signing.ask(town.member))
    assert signing.sign(second, letter=PDF + bytes(6 << 20)).status_code == 413
    assert signing.sign("/agreements/sign/none", letter=PDF + bytes(3 << 20)).status_code == 413


def test_guesses_at_links_are_limited(runtime: Runtime, town: Town, signing: Signing) -> None:
    statuses = [signing.sign(f"/agreements/sign/{number}").status_code for number in range(12)]

    assert statuses[:10] == [404] * 10
    assert statuses[-1] == 429


def test_requests_are_limited(runtime: Runtime, town: Town, signing: Signing) -> None:
    for _each in range(10):
        signing.ask(town.member)

    assert refused(lambda: signing.ask(town.manager)) is ProblemCode.TOO_MANY_REQUESTS


def test_only_confirmed_members_of_a_verified_organisation_ask(
    runtime: Runtime, town: Town, signing: Signing
) -> None:
    assert refused(lambda: signing.ask(town.outsider)) is ProblemCode.FORBIDDEN
    assert refused(lambda: signing.ask(town.steward)) is ProblemCode.FORBIDDEN
    made.change(runtime, Membership, town.world.membership, confirmed_by=None)
    assert refused(lambda: signing.ask(town.member)) is ProblemCode.FORBIDDEN
    made.change(runtime, Organisation, town.world.organisation, status=OrganisationStatus.PENDING)
    assert refused(lambda: signing.ask(town.manager)) is ProblemCode.WRONG_STATE


def test_nobody_has_the_link_mailed_to_themselves_but_the_official(
    runtime: Runtime, town: Town, signing: Signing
) -> None:
    own = town.member.email

    assert refused(lambda: signing.ask(town.member, own)) is ProblemCode.VALIDATION_FAILED
    assert refused(lambda: signing.ask(town.member, "no address")) is ProblemCode.VALIDATION_FAILED
    with runtime.db.write() as session:
        place = session.get_one(Membership, town.world.membership)
        place.kind = MembershipKind.SIGNING_OFFICIAL
    signing.ask(town.member, own)


def test_signing_again_renews(
    runtime: Runtime, town: Town, signing: Signing, clock: FixedClock
) -> None:
    signing.signed(town.member)
    clock.advance(300 * DAY)
    signing.signed(town.member)

    first, second = rows(runtime, OrganisationAcceptance)

    assert first.ended_at == second.accepted_at == clock.now()
    assert second.expires_at == clock.now() + 730 * DAY


def test_a_signature_runs_out(
    runtime: Runtime, town: Town, signing: Signing, clock: FixedClock
) -> None:
    signing.signed(town.member)
    (row,) = rows(runtime, OrganisationAcceptance)
    made.change(runtime, OrganisationAcceptance, row.id, expires_at=clock.now() + DAY)
    assert codes(runtime, town.world) == ()

    clock.advance(DAY)

    assert codes(runtime, town.world) == MISSING


def test_a_manager_or_steward_ends_a_signature_and_what_rests_on_it(
    runtime: Runtime, town: Town, signing: Signing, enter: Enter
) -> None:
    signing.signed(town.member)
    (row,) = rows(runtime, OrganisationAcceptance)
    end = lambda one: service_official.end(runtime, acting_as(one), row.id)  # noqa: E731

    assert refused(lambda: end(town.member)) is ProblemCode.FORBIDDEN
    assert refused(lambda: end(town.outsider)) is ProblemCode.FORBIDDEN
    page = enter(town.manager)
    assert post(page, f"/orgs/signatures/{row.id}/end").status_code == 303

    assert codes(runtime, town.world) == MISSING
    assert refused(lambda: end(town.steward)) is ProblemCode.WRONG_STATE
    assert len(told(runtime, Act.AGREEMENT_SIGNATURE_ENDED)) == 1


def test_a_material_change_supersedes_the_organisations_signature_after_its_notice(
    runtime: Runtime, town: Town, signing: Signing, clock: FixedClock
) -> None:
    signing.signed(town.member)
    bring(runtime, 2, Change.MATERIAL, **organisation_signs())

    clock.advance(7 * DAY - timedelta(milliseconds=1))
    assert codes(runtime, town.world) == ()
    clock.advance(timedelta(milliseconds=1))
    assert set(codes(runtime, town.world)) == {"AGREEMENT_SUPERSEDED", *MISSING}


def test_a_link_to_a_text_that_is_no_longer_in_force_says_so(
    runtime: Runtime, town: Town, signing: Signing, app: Any
) -> None:
    link = signing.link(signing.ask(town.member))
    bring(runtime, 2, Change.MATERIAL, **organisation_signs())

    assert app.test_client().get(link).status_code == 409
    assert signing.sign(link).status_code == 409
    assert rows(runtime, OrganisationAcceptance) == []


def test_nothing_is_signed_for_a_suspended_organisation(
    runtime: Runtime, town: Town, signing: Signing
) -> None:
    link = signing.link(signing.ask(town.member))
    made.change(runtime, Organisation, town.world.organisation, status=OrganisationStatus.SUSPENDED)

    assert signing.sign(link).status_code == 409


def test_officials_addresses_are_forgotten_once_they_are_not_needed(
    runtime: Runtime, town: Town, signing: Signing, clock: FixedClock
) -> None:
    signing.signed(town.member)
    signing.ask(town.member)
    addresses = [row.official_email for row in rows(runtime, SignatureRequest)]
    assert addresses == ["", ADDRESS]

    clock.advance(15 * DAY)
    service_requests.forget_addresses(runtime)

    assert [row.official_email for row in rows(runtime, SignatureRequest)] == ["", ""]


def test_the_log_tells_every_step_and_names_the_official_only_under_seal(
    runtime: Runtime, town: Town, signing: Signing, work: Work
) -> None:
    request = signing.ask(town.member)
    work()
    signing.sign(signing.path(request))

    steps = (
        Act.AGREEMENT_SIGNATURE_REQUESTED,
        Act.AGREEMENT_SIGNATURE_MAILED,
        Act.AGREEMENT_ORGANISATION_SIGNED,
    )
    leaves = [told(runtime, act)[0].leaf.decode() for act in steps]

    assert all(str(request.id) in leaf for leaf in leaves)
    assert not any(OFFICIAL in leaf or ADDRESS in leaf for leaf in leaves)


def test_the_page_shows_who_signed_what_until_when_and_what_waits(
    runtime: Runtime, town: Town, signing: Signing, enter: Enter
) -> None:
    signing.signed(town.member)
    signing.ask(town.member)
    manager = enter(town.manager)
    address = f"/orgs/{town.world.organisation}"

    page = manager.get(f"{address}?lang=en").text

    assert OFFICIAL in page
    assert "2028-11-01" in page
    assert "Waiting for the signing official" in page
    assert "outbox" in page
    assert "서명권자에게 서명 요청하기" in manager.get(f"{address}?lang=ko").text
    assert OFFICIAL not in enter(town.outsider).get(address).text
    assert enter(town.outsider).get(f"{address}/signatures").status_code == 403


def test_a_member_asks_on_the_page_and_errors_come_back(
    runtime: Runtime, town: Town, signing: Signing, enter: Enter
) -> None:
    manager, address = enter(town.manager), f"/orgs/{town.world.organisation}/signatures"
    fields = {"code": "open-test", "official_name": OFFICIAL, "official_email": ADDRESS}

    wrong = post(manager, address, **fields | {"official_email": "nobody"})
    right = post(manager, address, **fields)

    assert (wrong.status_code, right.status_code) == (422, 303)
    assert 'href="#f-official_email"' in wrong.text
    (request,) = rows(runtime, SignatureRequest)
    answer = post(manager, f"/orgs/signature-requests/{request.id}/cancel")
    assert answer.status_code == 303


def test_the_api_tells_members_and_refuses_others(
    runtime: Runtime, town: Town, signing: Signing, app: Any
) -> None:
    signing.signed(town.member)
    client = app.test_client(use_cookies=False)
    address = f"/api/v1/organisations/{town.world.organisation}/signatures"

    answer = client.get(address, headers=bearer(client, town.manager))

    (found,) = answer.json["signatures"]
    assert (found["standing"], found["official_name"]) == ("live", OFFICIAL)
    assert client.get(address, headers=bearer(client, town.outsider)).status_code == 403
    assert client.get(address).status_code == 401


def test_the_standing_of_a_signature_follows_time_and_versions(
    runtime: Runtime, town: Town, signing: Signing, clock: FixedClock
) -> None:
    def standing() -> str:
        with runtime.db.read() as session:
            found = service_overview.signatures(
                session, town.world.organisation, runtime.clock.now()
            )
        return str(found[0].standing)

    signing.signed(town.member)
    seen = [standing()]
    clock.advance(701 * DAY)
    seen.append(standing())
    bring(runtime, 2, Change.MATERIAL, **organisation_signs())
    seen.append(standing())
    clock.advance(29 * DAY)
    seen.append(standing())

    assert seen == ["live", "ending", "superseded", "expired"]


def test_the_page_of_the_link_shows_both_texts_and_is_not_kept_by_caches(
    runtime: Runtime, town: Town, signing: Signing, app: Any
) -> None:
    link = signing.link(signing.ask(town.member))

    page = app.test_client().get(f"{link}?lang=en")

    assert page.headers["Cache-Control"] == "no-store"
    assert all(words in page.text for words in ("본문", "text", version(runtime, 1).sha256))
    assert csrf(app.test_client(), link)
