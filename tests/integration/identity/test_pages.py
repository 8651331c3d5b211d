"""Every page and form: stranger, member, owner and staff; no form without its token."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.identity import rules
from gateway.identity import service_memberships as memberships
from gateway.identity import service_organisations as organisations
from gateway.identity.models import MembershipKind, OrganisationKind, Role
from gateway.identity.service_attestations import list_attestations
from gateway.identity.service_organisations import NewOrganisation
from gateway.identity.service_people import find_by_account
from gateway.identity.service_roles import list_roles
from gateway.runtime import Runtime
from gateway.security.paths import is_machine
from tests import people
from tests.people import FIRST, PASSWORD, SECOND, acting_as, grant, make_person, person, post

Browser = Callable[..., FlaskClient]
NUMBER = "987654321" + str(rules.check_digit("987654321"))


@dataclass(frozen=True, slots=True)
class Scene:
    """Browsers by who sits at them, and a verified organisation with its manager."""

    browsers: dict[str, FlaskClient]
    organisation: uuid.UUID

    def path(self, pattern: str) -> str:
        return pattern.format(org=self.organisation)


@pytest.fixture
def scene(runtime: Runtime, browser: Browser) -> Scene:
    steward, manager = make_person(runtime, "steward"), make_person(runtime, "manager")
    grant(runtime, steward, Role.STEWARD)
    kind = OrganisationKind.COMPANY
    org = organisations.register(
        runtime, acting_as(manager), NewOrganisation("한빛", kind, "KR", NUMBER)
    )
    organisations.verify(runtime, acting_as(steward), org.id)
    with runtime.db.read() as session:
        place = memberships.members_of(session, org.id)[0][0]
    memberships.confirm_membership(runtime, acting_as(steward), place.id)
    seats = {"visitor": browser()}
    for account in ("steward", "manager", "stranger", FIRST):
        seats[account] = browser()
        people.sign_in(seats[account], person(runtime, account))
    return Scene(seats, org.id)


WHO = ("visitor", "stranger", "manager", "steward", FIRST)
PAGES = {
    "/sign-in": (200, 303, 303, 303, 303),
    "/sign-up": (200, 303, 303, 303, 303),
    "/sign-out": (303, 200, 200, 200, 200),
    "/terms": (200, 200, 200, 200, 200),
    "/privacy": (200, 200, 200, 200, 200),
    "/recover/unknown": (404, 404, 404, 404, 404),
    "/account": (303, 200, 200, 200, 200),
    "/account/password": (303, 200, 200, 200, 200),
    "/account/documents": (303, 200, 200, 200, 200),
    "/account/identity-check": (303, 200, 200, 200, 200),
    "/identity-checks": (303, 200, 200, 200, 200),
    "/account/close": (303, 200, 200, 200, 200),
    "/account/step-up": (303, 200, 200, 200, 200),
    "/account/passports": (303, 200, 200, 200, 200),
    "/passports/researcher": (200, 200, 200, 200, 200),
    "/account/factors/add-app": (303, 200, 200, 200, 200),
    "/account/factors/add-passkey": (303, 200, 200, 200, 200),
    "/account/factors/unknown": (303, 404, 404, 404, 404),
    "/sign-in/second": (303, 303, 303, 303, 303),
    "/orgs": (303, 200, 200, 200, 200),
    "/orgs/new": (303, 200, 200, 200, 200),
    "/orgs/{org}": (303, 200, 200, 200, 200),
    "/orgs/{org}/correct": (303, 403, 409, 403, 403),
    "/orgs/00000000-0000-7000-8000-000000000000": (303, 404, 404, 404, 404),
    "/orgs/not-an-id": (404, 404, 404, 404, 404),
    "/roles": (303, 403, 403, 403, 200),
    "/attestations": (303, 403, 403, 200, 403),
}


@pytest.mark.parametrize("language", ["ko", "en"])
def test_each_page_opens_for_those_it_is_for(scene: Scene, language: str) -> None:
    seen = {
        pattern: tuple(
            scene.browsers[who].get(f"{scene.path(pattern)}?lang={language}").status_code
            for who in WHO
        )
        for pattern in PAGES
    }

    assert seen == PAGES


FORMS = (
    "/sign-in",
    "/sign-up",
    "/sign-out",
    "/recover/unknown",
    "/sign-in/second",
    "/sign-in/passkey",
    "/account",
    "/account/step-up",
    "/account/passports",
    "/account/factors/add-app",
    "/account/factors/add-passkey",
    "/account/factors/app",
    "/account/factors/new-codes",
    "/account/factors/passkey",
    "/account/factors/remove-app",
    "/account/passkeys/00000000-0000-7000-8000-000000000000/remove",
    "/account/sessions/end-others",
    "/account/attestations",
    "/account/sessions/00000000-0000-7000-8000-000000000000/end",
    "/account/identity-check",
    "/account/machines/unknown/accept",
    "/account/machines/unknown/end",
    "/identity-checks",
    "/account/password",
    "/account/documents",
    "/account/close",
    "/account/first-password",
    "/account/identities/new",
    "/account/identities/with/unknown",
    "/account/identities/00000000-0000-7000-8000-000000000000/end",
    "/sign-in/new",
    "/sign-in/with/unknown",
    "/orgs",
    "/orgs/{org}/correct",
    "/orgs/{org}/verify",
    "/orgs/{org}/reject",
    "/orgs/{org}/suspend",
    "/orgs/{org}/join",
    "/orgs/{org}/check",
    "/orgs/{org}/documents",
    "/orgs/{org}/invitations",
    "/orgs/{org}/provisioning",
    "/invitations/unknown",
    "/invitations/00000000-0000-7000-8000-000000000000/withdraw",
    "/provisioning-tokens/00000000-0000-7000-8000-000000000000/revoke",
    "/oauth2/authorize",
    "/oauth2/authorize/again",
    "/oauth2/device",
    "/oauth2/device/decide",
    "/orgs/{org}/programs",
    "/programs/unknown/end",
    "/memberships/00000000-0000-7000-8000-000000000000/confirm",
    "/memberships/00000000-0000-7000-8000-000000000000/end",
    "/roles",
    "/roles/00000000-0000-7000-8000-000000000000/confirm",
    "/roles/00000000-0000-7000-8000-000000000000/end",
    "/attestations/00000000-0000-7000-8000-000000000000/check",
    "/attestations/00000000-0000-7000-8000-000000000000/end",
)


def test_no_form_is_accepted_without_its_token(scene: Scene) -> None:
    answers = {
        (who, pattern): scene.browsers[who].post(scene.path(pattern), data={"x": "1"})
        for who in WHO
        for pattern in FORMS
    }

    assert {answer.status_code for answer in answers.values()} == {400}


def test_every_form_of_the_application_is_in_this_list(app: Any) -> None:
    posted = {
        str(rule)
        for rule in app.url_map.iter_rules()
        if "POST" in rule.methods and not is_machine(str(rule))
    }

    listed = {pattern.split("/")[1] for pattern in FORMS}

    assert len(posted) == len(FORMS)
    assert {path.split("/")[1] for path in posted} == listed


STAFF_FORMS = ("/orgs/{org}/verify", "/orgs/{org}/suspend", "/roles", *FORMS[-4:-1])


@pytest.mark.parametrize("pattern", STAFF_FORMS)
def test_a_staff_form_is_refused_to_everybody_else_and_the_refusal_is_an_event(
    scene: Scene, events: list[Any], pattern: str
) -> None:
    before = len(events)

    answers = [
        post(scene.browsers[who], scene.path(pattern), reason="x").status_code
        for who in ("visitor", "stranger", "manager")
    ]

    refused = [event for event in events[before:] if event.action == "access.decided"]
    assert answers == [303, 403, 403]
    assert [event.reason for event in refused] == ["role_missing", "role_missing"]


def test_members_are_shown_to_manager_and_steward_and_looking_is_an_event(
    scene: Scene, events: list[Any]
) -> None:
    path = scene.path("/orgs/{org}")

    shown = {
        who: "manager@example.org" in scene.browsers[who].get(path).text
        for who in ("stranger", "manager", "steward")
    }

    assert shown == {"stranger": False, "manager": True, "steward": True}
    assert [event.action for event in events].count("person.viewed") == 1


def test_an_organisation_comes_to_life_through_the_pages(scene: Scene, runtime: Runtime) -> None:
    stranger, manager = scene.browsers["stranger"], scene.browsers["manager"]
    joined = post(stranger, scene.path("/orgs/{org}/join"), kind=MembershipKind.SIGNING_OFFICIAL)
    with runtime.db.read() as session:
        member = find_by_account(session, "stranger")
        assert member
        ((row, _org),) = memberships.memberships_of(session, member.id)

    confirmed = post(manager, f"/memberships/{row.id}/confirm")
    left = post(stranger, f"/memberships/{row.id}/end")

    assert (joined.status_code, confirmed.status_code, left.status_code) == (303, 303, 303)
    with runtime.db.read() as session:
        assert memberships.memberships_of(session, member.id) == []


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"kind": "guild"},
        {"country": "ZZ"},
        {"business_number": "1234567890"},
        {"business_number": NUMBER},
        {"status": "verified"},
    ],
)
def test_a_bad_registration_comes_back(scene: Scene, change: dict[str, str]) -> None:
    right = {
        "name": "새 기관",
        "kind": "company",
        "country": "KR",
        "business_number": "220-81-62517",
    }
    fields = {key: value for key, value in (right | change).items() if value}

    answer = post(scene.browsers["stranger"], "/orgs", **fields)

    assert answer.status_code in (409, 422)
    assert 'id="errors"' in answer.text


def test_operators_grant_and_confirm_on_their_page(
    scene: Scene, runtime: Runtime, browser: Browser
) -> None:
    second = browser()
    people.sign_in(second, person(runtime, SECOND))

    given = post(scene.browsers[FIRST], "/roles", account="stranger", role="auditor", scope="*")
    with runtime.db.read() as session:
        (row,) = [
            row
            for row, holder in list_roles(session, runtime.clock.now())
            if holder.account == "stranger"
        ]
    by_first = post(scene.browsers[FIRST], f"/roles/{row.id}/confirm")
    by_second = post(second, f"/roles/{row.id}/confirm")
    me = scene.browsers["stranger"].get("/api/v1/me").json

    assert (given.status_code, by_first.status_code, by_second.status_code) == (303, 403, 303)
    assert me["roles"] == [{"role": "auditor", "scope": "*"}]


@pytest.mark.parametrize(
    "change", [{"account": "nobody"}, {"role": "king"}, {"until": "2020-01-01"}, {"until": "soon"}]
)
def test_a_bad_role_is_no_role(scene: Scene, change: dict[str, str]) -> None:
    right = {"account": "stranger", "role": "contractor", "scope": "*"}

    answer = post(scene.browsers[FIRST], "/roles", **(right | change))

    assert answer.status_code in (404, 422)


def test_evidence_goes_from_its_holder_to_a_steward(scene: Scene, runtime: Runtime) -> None:
    fields = {
        "kind": "training",
        "issuer": "교육기관",
        "reference": "2026-7",
        "first_day": "2026-11-01",
        "last_day": "2027-10-31",
    }
    added = post(scene.browsers["stranger"], "/account/attestations", **fields)
    with runtime.db.read() as session:
        member = find_by_account(session, "stranger")
        assert member
        (row,) = list_attestations(session, member.id)

    queue = scene.browsers["steward"].get("/attestations").text
    checked = post(scene.browsers["steward"], f"/attestations/{row.id}/check")

    assert (added.status_code, checked.status_code) == (303, 303)
    assert "2026-7" in queue
    assert row.valid_from.isoformat() == "2026-10-31T15:00:00+00:00"
    assert row.valid_until.isoformat() == "2027-10-31T15:00:00+00:00"


@pytest.mark.parametrize(
    "change",
    [{"kind": "drb"}, {"last_day": "2026-10-01"}, {"first_day": "tomorrow"}, {"issuer": ""}],
)
def test_bad_evidence_comes_back_to_the_account_page(scene: Scene, change: dict[str, str]) -> None:
    right = {
        "kind": "training",
        "issuer": "교육기관",
        "reference": "2026-7",
        "first_day": "2026-11-01",
        "last_day": "2027-10-31",
    }
    fields = {key: value for key, value in (right | change).items() if value}

    answer = post(scene.browsers["stranger"], "/account/attestations", **fields)

    assert answer.status_code == 422
    assert 'id="errors"' in answer.text


def test_a_page_of_a_signed_in_person_is_not_stored_by_caches(scene: Scene) -> None:
    answer = scene.browsers["stranger"].get("/account")

    assert answer.headers["Cache-Control"] == "no-store"
    assert PASSWORD not in answer.text
