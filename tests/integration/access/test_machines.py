"""A machine gets what its organisation holds and has signed for, and its person answers for."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from gateway import ids
from gateway.access import service
from gateway.access import wiring as access
from gateway.access.ask import Ask, Caller, Machine
from gateway.access.models import Grant
from gateway.agreements import wiring as agreements
from gateway.agreements.models import OrganisationAcceptance
from gateway.catalog import wiring as catalog
from gateway.clock import FixedClock
from gateway.identity.models import Acr, Membership, MembershipKind
from gateway.identity.oauth.models import OAuthClient
from gateway.identity.oauth.vocabulary import MACHINE_SCOPES
from gateway.journal import Journal
from gateway.runtime import Runtime
from policies.vocabulary import Action
from tests import oauth_peer, people, world
from tests.oauth_peer import Peer
from tests.world import World

BODY = {"dataset": "voices", "path": "a.txt"}
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    return world.small_app(runtime, catalog, agreements, access)


@pytest.fixture
def place(runtime: Runtime) -> World:
    made = world.build(runtime)
    world.put_files(runtime, made, {"a.txt": b"first"})
    return made


@pytest.fixture
def peer(runtime: Runtime, place: World, client: FlaskClient) -> Peer:
    """A machine of the grant's organisation, for which the grant's holder answers."""
    manager, holder = people.make_person(runtime, "the.manager"), people.person(runtime, "holder")
    made = oauth_peer.machine(runtime, client, manager, holder)
    organisation = of(runtime, made)
    world.change(runtime, Grant, place.grant, organisation_id=organisation)
    return made


def of(runtime: Runtime, peer: Peer) -> uuid.UUID:
    with runtime.db.read() as session:
        found = session.get_one(OAuthClient, peer.client_id).organisation_id
    assert found is not None
    return found


def signed(runtime: Runtime, place: World, organisation: uuid.UUID) -> None:
    """The organisation's official has signed the agreement."""
    now = runtime.clock.now()
    values: dict[str, Any] = {
        "id": ids.new(runtime.clock), "organisation_id": organisation, "code": "open-test",
        "agreement_version_id": place.agreement, "sha256": "a" * 64, "official_name": "서명권자",
        "official_title": "대표", "method": "typed_name",
        "language": "ko", "accepted_at": now, "expires_at": now + timedelta(days=365),
        "confirmed_at": now,
    }  # fmt: skip
    with runtime.db.write() as session:
        session.add(OrganisationAcceptance(**values))


def token(peer: Peer, scope: str = "read download") -> dict[str, str]:
    answer = peer.token(
        grant_type="client_credentials", scope=scope,
        client_assertion_type=ASSERTION, client_assertion=peer.assertion(),
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json['access_token']}"}


def codes(answer: Any) -> list[str]:
    return [each["code"] for each in answer.json["blockers"]]


def test_without_the_organisations_signature_a_machine_gets_nothing(
    runtime: Runtime, place: World, peer: Peer, client: FlaskClient
) -> None:
    headers = token(peer)
    refused = client.post("/api/v1/urls", json=BODY, headers=headers)
    asked = client.get("/api/v1/datasets/voices/can-i", headers=headers)
    signed(runtime, place, of(runtime, peer))
    allowed = client.post("/api/v1/urls", json=BODY, headers=headers)

    assert (refused.status_code, codes(refused)) == (403, ["ORGANISATION_ACCEPTANCE_NOT_LIVE"])
    assert codes(asked) == ["ORGANISATION_ACCEPTANCE_NOT_LIVE"]
    assert allowed.status_code == 201, allowed.text


def test_the_person_needs_no_such_signature(runtime: Runtime, place: World, peer: Peer) -> None:
    ask = Ask(Action.DOWNLOAD, person_id=place.person, grant_id=place.grant)

    assert service.consider(runtime, ask)[1].allowed


def test_a_key_of_its_own_confirms_a_machine_before_health_data(
    runtime: Runtime, place: World, peer: Peer, client: FlaskClient, clock: FixedClock
) -> None:
    world.change(runtime, world.Dataset, place.dataset, content="health")
    signed(runtime, place, of(runtime, peer))
    headers = token(peer)
    now = client.post("/api/v1/urls", json=BODY, headers=headers)
    clock.advance(timedelta(minutes=15))
    later = client.post("/api/v1/urls", json=BODY, headers=headers)
    anew = client.post("/api/v1/urls", json=BODY, headers=token(peer))

    assert [each.status_code for each in (now, later, anew)] == [201, 401, 201]


def test_health_data_waits_for_a_passkey_of_the_person_who_answers(
    runtime: Runtime, place: World, peer: Peer, client: FlaskClient
) -> None:
    world.change(runtime, world.Dataset, place.dataset, content="health")
    signed(runtime, place, of(runtime, peer))
    oauth_peer.accepted(runtime, peer.client_id, Acr.MFA)
    refused = client.post("/api/v1/urls", json=BODY, headers=token(peer))
    oauth_peer.accepted(runtime, peer.client_id, Acr.PHR)
    allowed = client.post("/api/v1/urls", json=BODY, headers=token(peer))

    assert (refused.status_code, refused.json["code"]) == (401, "insufficient_user_authentication")
    assert "책임자가 /account에서 패스키로 인증하고 다시 맡으면" in refused.json["detail"]
    assert allowed.status_code == 201, allowed.text


def test_what_its_person_holds_alone_or_elsewhere_is_not_the_machines(
    runtime: Runtime, place: World, peer: Peer, client: FlaskClient
) -> None:
    signed(runtime, place, of(runtime, peer))
    headers = token(peer)
    for organisation in (None, place.organisation):
        world.change(runtime, Grant, place.grant, organisation_id=organisation)

        named = client.post(
            "/api/v1/urls", json=BODY | {"grant": str(place.grant)}, headers=headers
        )
        best = client.post("/api/v1/urls", json=BODY, headers=headers)

        assert named.status_code == 404
        assert (best.status_code, codes(best)) == (403, ["GRANT_MISSING"])
        assert client.get("/api/v1/grants", headers=headers).json["grants"] == []
        one = client.get(f"/api/v1/grants/{place.grant}", headers=headers)
        assert one.status_code == 404


def test_a_machine_whose_person_does_not_answer_for_it_gets_nothing(
    runtime: Runtime, place: World, peer: Peer, client: FlaskClient
) -> None:
    signed(runtime, place, of(runtime, peer))
    headers = token(peer)
    manager = people.person(runtime, "the.manager")
    with runtime.db.write() as session:
        mine = update(OAuthClient).where(OAuthClient.id == peer.client_id)
        session.execute(mine.values(responsible_id=manager.id))

    answer = client.post("/api/v1/urls", json=BODY, headers=headers)

    assert (answer.status_code, codes(answer)) == (403, ["RESPONSIBLE_PERSON_MISSING"])


def test_no_machine_passes_for_another_organisations(
    runtime: Runtime, place: World, peer: Peer
) -> None:
    elsewhere = Caller(runtime.clock.now(), Machine(place.organisation, answered=True))
    ask = Ask(Action.DOWNLOAD, person_id=place.person, grant_id=place.grant, caller=elsewhere)

    with pytest.raises(Exception, match="not_found"):
        service.consider(runtime, ask)


def test_the_membership_of_the_person_who_answers_is_the_machines(
    runtime: Runtime, place: World, peer: Peer, client: FlaskClient
) -> None:
    signed(runtime, place, of(runtime, peer))
    headers = token(peer)
    with runtime.db.write() as session:
        left = update(Membership).where(
            Membership.person_id == place.person, Membership.kind == MembershipKind.MEMBER
        )
        session.execute(left.values(ended_at=runtime.clock.now()))

    assert client.post("/api/v1/urls", json=BODY, headers=headers).status_code == 401


def _signing(_place: World) -> tuple[str, str, dict[str, Any]]:
    body = {"sha256": "a" * 64, "typed_name": "홀더", "language": "ko", "read": True}
    return "POST", "/api/v1/agreements/signatures", body


def _giving_up(place: World) -> tuple[str, str, dict[str, Any]]:
    return "POST", f"/api/v1/grants/{place.grant}/give-up", {}


def _taking_off(_place: World) -> tuple[str, str, dict[str, Any]]:
    return "DELETE", f"/api/v1/identities/{uuid.uuid4()}", {}


def _looking(_place: World) -> tuple[str, str, dict[str, Any]]:
    return "GET", "/api/v1/identities", {}


def _signatures(_place: World) -> tuple[str, str, dict[str, Any]]:
    return "GET", "/api/v1/agreements", {}


def _asking_for_a_signature(place: World) -> tuple[str, str, dict[str, Any]]:
    path = f"/api/v1/organisations/{place.organisation}/signature-requests"
    return "POST", path, {"code": "open-test", "email": "x@example.org"}


@pytest.mark.parametrize(
    "wanted",
    [_signing, _giving_up, _taking_off, _looking, _signatures, _asking_for_a_signature],
    ids=lambda one: one.__name__,
)
def test_a_machine_never_signs_links_or_speaks_as_its_person(
    runtime: Runtime,
    place: World,
    client: FlaskClient,
    wanted: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manager, holder = people.make_person(runtime, "the.manager"), people.person(runtime, "holder")
    robot = oauth_peer.machine(runtime, client, manager, holder, scopes=MACHINE_SCOPES)
    world.change(runtime, Grant, place.grant, organisation_id=of(runtime, robot))
    headers = token(robot, "read write download")
    method, path, body = wanted(place)
    told: list[tuple[str, str | None]] = []
    original = Journal._event

    def remember(self: Journal, entry: Any) -> Any:
        told.append((str(entry.act), entry.reason))
        return original(self, entry)

    monkeypatch.setattr(Journal, "_event", remember)

    refused = client.open(f"{path}?lang=en", method=method, json=body, headers=headers)
    korean = client.open(f"{path}?lang=ko", method=method, json=body, headers=headers)

    assert (refused.status_code, refused.json["code"]) == (403, "machine_not_allowed")
    assert "the responsible person signs in themselves" in refused.json["next"]
    assert "책임자가 직접 로그인하여" in korean.json["next"]
    with runtime.db.read() as session:
        assert session.get_one(Grant, place.grant).ended_at is None
    assert ("access.decided", "machine_not_allowed") in told


def test_a_machine_reads_who_it_is_and_nothing_of_its_person(
    runtime: Runtime, place: World, peer: Peer, client: FlaskClient
) -> None:
    told = client.get("/api/v1/me", headers=token(peer)).json

    assert set(told) == {"machine"}
    assert set(told["machine"]) == {
        "client_id", "name", "organisation_id", "organisation", "responsible"
    }  # fmt: skip
    assert told["machine"]["organisation_id"] == str(of(runtime, peer))
