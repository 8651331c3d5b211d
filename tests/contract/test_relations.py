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
from gateway.identity.oauth.vocabulary import MACHINE_SCOPES
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
    """A machine of the owner, with its token instead of a browser."""
    key, place = ECKey.generate_key("P-256"), made.verified_organisation(house)
    new = NewClient(
        "야간 수집기", ClientKind.MACHINE, AuthMethod.PRIVATE_KEY_JWT, MACHINE_SCOPES,
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


# All that a machine with every scope opens of what is not open to strangers; the object in an
# address is one that its person holds elsewhere, so that it is not there for the machine.
OPENED = {
    "GET /api/v1/me", "GET /api/v1/grants", "DELETE /api/v1/session",
    "GET /api/v1/datasets/<slug>/versions/<label>/items sensitive",
}  # fmt: skip
# Asked for something that is not there, or that the rules refuse, like anybody.
ANSWERED = {
    "GET /api/v1/grants/<uuid:grant_id>", "POST /api/v1/urls",
}  # fmt: skip


def test_a_machine_with_every_scope_opens_its_organisations_data_and_no_page(
    neighbourhood: House,
) -> None:
    """The list of `machine_gate` holds for every route there is; pages are for people."""
    answered = {}
    for line in TABLE:
        answered[line] = ask(neighbourhood, line, MACHINE)
        if line in ENDS_SESSION:
            _machine(neighbourhood)
    of_strangers = {line: int(TABLE[line].split()[0]) for line in TABLE}
    others = {line for line, got in answered.items() if got != of_strangers[line]}
    opened = {line for line in others if answered[line] < 300}
    api = {line for line in TABLE if line.split()[1].startswith(PROGRAMS)}
    closed = {line for line in api & others if answered[line] == 403}

    assert {line for line, status in answered.items() if status >= 500} == set()
    assert opened == OPENED
    assert api & others - closed - OPENED == ANSWERED
