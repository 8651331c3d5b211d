"""Every route about an organisation as everybody who may stand in some relation to it, and every
route of all as somebody suspended and as a machine.

`relations.toml` has the status for each column in the order of `RELATIONS`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from gateway.identity.models import MembershipKind
from gateway.identity.oauth.models import AuthMethod, ClientKind
from gateway.identity.oauth.service_clients import NewClient, register
from gateway.identity.oauth.vocabulary import Scope
from gateway.identity.service_people import suspend
from gateway.journal import Actor
from tests import people
from tests.contract import house as made
from tests.contract.house import House
from tests.contract.test_routes import ENDS_SESSION, PROGRAMS, TABLE, ask
from tests.oauth_peer import Peer, accepted, credentials, organisation

RELATIONS = ("member", "second.manager", "signing.official", "other.manager")
COLLEAGUES = {
    "member": MembershipKind.MEMBER,
    "second.manager": MembershipKind.MANAGER,
    "signing.official": MembershipKind.SIGNING_OFFICIAL,
}
OUTSIDER, SUSPENDED, MACHINE = "other.manager", "suspended.manager", "machine"
EXPECTED: dict[str, str] = tomllib.loads(Path(__file__).with_name("relations.toml").read_text())
ABOUT = (
    "/orgs/<", "/orgs/signature", "/memberships/", "/invitations/", "/provisioning-tokens/",
    "/organisation-documents/", "/programs/", "/api/v1/organisations/",
    "/api/v1/invitations/", "/api/v1/programs/", "/api/v1/organisation-documents/",
)  # fmt: skip
CONCERNED = {line for line in TABLE if line.split()[1].startswith(ABOUT)}


@pytest.fixture(scope="module")
def neighbourhood(house: House) -> Iterator[House]:
    """The house, with people in each relation to every organisation that is made from here on."""
    for name in (*RELATIONS, SUSPENDED):
        house.people[name] = people.person(house.runtime, name)
        house.enter(name)
    house.colleagues = COLLEAGUES | {SUSPENDED: MembershipKind.MANAGER}
    _lead_elsewhere(house)
    _machine(house)
    suspend(house.runtime, Actor.operator(), house.people[SUSPENDED].id, "시험")
    yield house
    house.colleagues = {}


def _lead_elsewhere(house: House) -> None:
    """Somebody who manages an organisation, but none of the owner's."""
    organisation(house.runtime, house.people[OUTSIDER])


def _machine(house: House) -> None:
    """A machine that reads for the owner, with its token instead of a browser."""
    key, place = ECKey.generate_key("P-256"), made.verified_organisation(house)
    new = NewClient(
        "야간 수집기", ClientKind.MACHINE, AuthMethod.PRIVATE_KEY_JWT, frozenset({Scope.READ}),
        responsible_id=house.owner.id, jwks=json.dumps(key.as_dict(private=False)),
    )  # fmt: skip
    registered = register(house.runtime, people.acting_as(house.owner), place, new)
    accepted(house.runtime, registered.client_id)
    client = house.app.test_client(use_cookies=False)
    peer = Peer(house.runtime, client, registered.client_id, None, key)
    token = credentials(peer).json["access_token"]
    house.bearers[MACHINE] = {"Authorization": f"Bearer {token}"}
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    house.browsers[MACHINE], house.tokens[MACHINE] = client, "none"


def test_every_route_about_an_organisation_is_in_the_table() -> None:
    assert set(EXPECTED) == CONCERNED
    assert {len(answers.split()) for answers in EXPECTED.values()} == {len(RELATIONS)}


def test_an_organisations_routes_answer_everybody_as_the_table_says(neighbourhood: House) -> None:
    answered = {}
    for line in EXPECTED:
        statuses = [str(ask(neighbourhood, line, who)) for who in RELATIONS]
        answered[line] = " ".join(statuses)

    assert answered == EXPECTED


def test_somebody_suspended_is_a_stranger_everywhere(neighbourhood: House) -> None:
    browser, answered = neighbourhood.browsers[SUSPENDED], {}
    for line in TABLE:
        # Signing out, or being sent to sign in, begins a new form token.
        neighbourhood.tokens[SUSPENDED] = people.csrf(browser)
        answered[line] = ask(neighbourhood, line, SUSPENDED)

    strangers = {line: int(TABLE[line].split()[0]) for line in TABLE}
    assert {line: got for line, got in answered.items() if got != strangers[line]} == {}


# What a machine may do besides reading: end its own session, and ask what would be decided.
ITS_OWN = {"DELETE /api/v1/session", "POST /oauth2/userinfo"}
QUESTIONS = "/access/v1/"


def test_a_machine_that_reads_changes_nothing_and_sees_no_page(neighbourhood: House) -> None:
    """Its scope is `read`, and pages are for people."""
    answered = {}
    for line in TABLE:
        answered[line] = ask(neighbourhood, line, MACHINE)
        if line in ENDS_SESSION:
            _machine(neighbourhood)

    opened = {
        line
        for line, status in answered.items()
        if status < 300 and TABLE[line].split()[0] != str(status)
    }
    changing = {line for line in opened if not line.startswith("GET ")} - ITS_OWN
    pages = {line for line in opened if not line.split()[1].startswith(PROGRAMS)}

    assert {line for line, status in answered.items() if status >= 500} == set()
    assert {line for line in changing if QUESTIONS not in line} == set()
    assert pages <= {"GET /oauth2/userinfo", "POST /oauth2/userinfo"}
    assert "GET /api/v1/me" in opened
