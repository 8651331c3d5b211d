"""A seat moves without an application; who leaves loses everything with the next request."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from gateway import ids
from gateway.access import seats
from gateway.access import wiring as access
from gateway.access.grants import GrantSpec, create_grant
from gateway.access.models import EndReason, Grant, HolderKind
from gateway.agreements import wiring as agreements
from gateway.agreements.models import Acceptance, SignatureMethod
from gateway.catalog import wiring as catalog
from gateway.delivery import service
from gateway.delivery.api import EXTENSION
from gateway.delivery.service import Wanted
from gateway.errors import Problem, ProblemCode
from gateway.identity import service_memberships as memberships
from gateway.identity.models import MembershipKind, Organisation, Person, PersonStatus, Role
from gateway.journal import Actor
from gateway.runtime import Runtime
from tests import people
from tests import world as made
from tests.integration.delivery.conftest import Logged
from tests.world import YEAR, World

ROUNDS, AT_ONCE = 10, 8


@dataclass(frozen=True, slots=True)
class Office:
    """The world's organisation with its holder, a mate, a manager, and people without rights."""

    world: World
    holder: Person
    mate: Person
    manager: Person
    steward: Person
    stranger: Person


@pytest.fixture
def small(runtime: Runtime) -> Flask:
    return made.small_app(runtime, catalog, agreements, access)


@pytest.fixture
def office(runtime: Runtime, place: World) -> Office:
    names = ("mate", "manager", "steward", "stranger")
    folk = {name: people.make_person(runtime, name) for name in names}
    people.grant(runtime, folk["steward"], Role.STEWARD)
    with runtime.db.read() as session:
        holder = session.get_one(Person, place.person)
    for name, kind in (("manager", MembershipKind.MANAGER), ("mate", MembershipKind.MEMBER)):
        _join(runtime, place, folk[name], kind, folk["steward" if name == "manager" else "manager"])
    return Office(place, holder, **folk)


def _join(runtime: Runtime, place: World, person: Person, kind: MembershipKind, by: Person) -> None:
    row = memberships.request_membership(
        runtime, people.acting_as(person), place.organisation, kind
    )
    memberships.confirm_membership(runtime, people.acting_as(by), row.id)


def code_of(attempt: Callable[[], Any]) -> ProblemCode:
    with pytest.raises(Problem) as refused:
        attempt()
    return refused.value.code


def move(
    runtime: Runtime, office: Office, to: Person, by: Person | None = None, **more: Any
) -> Grant:
    who = people.acting_as(by or office.manager)
    organisation = more.get("organisation", office.world.organisation)
    return seats.move_seat(runtime, who, organisation, more.get("grant", office.world.grant), to.id)


@pytest.fixture
def seat(runtime: Runtime, office: Office) -> Office:
    seats.make_seat(runtime, people.acting_as(office.steward), office.world.grant)
    return office


def sign(runtime: Runtime, office: Office, person: Person) -> None:
    """The person's own acceptance."""
    now = runtime.clock.now()
    with runtime.db.write() as session:
        agreement = session.get_one(made.AgreementVersion, office.world.agreement)
        session.add(Acceptance(
            id=ids.new(runtime.clock), person_id=person.id, agreement_version_id=agreement.id,
            code=agreement.code, sha256=agreement.sha256, method=SignatureMethod.TYPED_NAME,
            typed_name=person.name, language="ko", accepted_at=now, expires_at=now + YEAR,
        ))  # fmt: skip


def url(small: Flask, person: Person) -> str:
    wanted = Wanted("voices", "a.txt")
    found = service.issue_item(small.extensions[EXTENSION], people.acting_as(person), wanted)
    return found.url.removeprefix("http://localhost:8400")


def test_a_leaver_loses_a_signed_address_issued_before(
    runtime: Runtime, small: Flask, office: Office
) -> None:
    address, client = url(small, office.holder), small.test_client()
    before = client.get(address, buffered=True).status_code

    memberships.end_membership(runtime, people.acting_as(office.manager), office.world.membership)

    assert before == 200
    assert client.get(address, buffered=True).status_code == 403
    # Another process asks the same database and remembers nothing either.
    other = made.small_app(runtime, catalog, agreements, access).test_client()
    assert other.get(address, buffered=True).status_code == 403
    assert code_of(lambda: url(small, office.holder)) is ProblemCode.ACCESS_DENIED


def test_a_manager_who_leaves_manages_nothing_with_the_same_session(
    runtime: Runtime, small: Flask, office: Office
) -> None:
    client = small.test_client()
    people.sign_in(client, office.manager)
    address = f"/orgs/{office.world.organisation}"
    pages = [f"{address}/{part}" for part in ("invitations", "seats", "provisioning")]
    before = [client.get(page).status_code for page in pages]
    with runtime.db.read() as session:
        ((own, _org),) = memberships.memberships_of(session, office.manager.id)

    memberships.end_membership(runtime, people.acting_as(office.steward), own.id)

    assert before == [200] * 3
    assert [client.get(page).status_code for page in pages] == [403] * 3


def test_a_seat_moves_and_its_old_addresses_die(
    runtime: Runtime, small: Flask, seat: Office, logged: Callable[..., list[Logged]]
) -> None:
    client, old = small.test_client(), url(small, seat.holder)

    new = move(runtime, seat, seat.mate)

    assert client.get(old, buffered=True).status_code == 403
    assert code_of(lambda: url(small, seat.holder)) is ProblemCode.ACCESS_DENIED
    # The personal acceptance is still the new holder's own.
    assert code_of(lambda: url(small, seat.mate)) is ProblemCode.ACCESS_DENIED
    sign(runtime, seat, seat.mate)
    assert client.get(url(small, seat.mate), buffered=True).status_code == 200
    (event,) = logged("grant.seat_moved")
    assert event.detail["from"] == str(seat.world.grant)
    assert new.project_id == seat.world.project


def test_a_moved_seat_brings_no_new_quota_and_no_longer_window(
    runtime: Runtime, seat: Office
) -> None:
    made.change(runtime, Grant, seat.world.grant, quota_bytes=1000, used_bytes=400)
    with runtime.db.read() as session:
        ends_at = session.get_one(Grant, seat.world.grant).ends_at

    new = move(runtime, seat, seat.mate)

    assert (new.quota_bytes, new.used_bytes, new.ends_at) == (600, 0, ends_at)
    made.change(runtime, Grant, new.id, used_bytes=600)
    assert code_of(lambda: move(runtime, seat, seat.holder, grant=new.id)) is (
        ProblemCode.WRONG_STATE
    )


def test_a_leavers_seat_can_be_given_on(runtime: Runtime, small: Flask, seat: Office) -> None:
    memberships.end_membership(runtime, people.acting_as(seat.holder), seat.world.membership)

    move(runtime, seat, seat.mate)
    sign(runtime, seat, seat.mate)

    assert small.test_client().get(url(small, seat.mate), buffered=True).status_code == 200


def test_only_a_manager_of_that_organisation_moves_a_seat(runtime: Runtime, seat: Office) -> None:
    for person in (seat.stranger, seat.holder, seat.mate, seat.steward):
        code = code_of(lambda by=person: move(runtime, seat, seat.mate, by))
        assert code is ProblemCode.FORBIDDEN

    # A manager elsewhere finds no such seat in their own organisation.
    now, elsewhere = runtime.clock.now(), ids.new(runtime.clock)
    with runtime.db.write() as session:
        session.add(Organisation(
            id=elsewhere, name="다른 기관", kind="company", country="SE", status="verified",
            created_by=seat.stranger.id, created_at=now,
        ))  # fmt: skip
        session.flush()
        session.add(memberships.Membership(
            id=ids.new(runtime.clock), person_id=seat.stranger.id, organisation_id=elsewhere,
            kind="manager", confirmed_by=seat.steward.id, started_at=now,
        ))  # fmt: skip
    code = code_of(lambda: move(runtime, seat, seat.mate, seat.stranger, organisation=elsewhere))
    assert code is ProblemCode.NOT_FOUND


def test_a_seat_goes_to_active_members_and_never_to_the_manager_who_moves_it(
    runtime: Runtime, seat: Office
) -> None:
    made.change(runtime, Person, seat.mate.id, status=PersonStatus.SUSPENDED)

    codes = [
        code_of(lambda to=to: move(runtime, seat, to))
        for to in (seat.manager, seat.stranger, seat.steward, seat.mate)
    ]

    assert codes == [ProblemCode.FORBIDDEN] + [ProblemCode.VALIDATION_FAILED] * 3
    assert code_of(lambda: move(runtime, seat, seat.holder)) is ProblemCode.CONFLICT


@pytest.mark.parametrize(
    "state",
    [{"holder_kind": HolderKind.PERSON}, {"suspended": True}],
)
def test_what_is_no_live_seat_does_not_move(
    runtime: Runtime, seat: Office, state: dict[str, Any]
) -> None:
    made.change(runtime, Grant, seat.world.grant, **state)

    assert code_of(lambda: move(runtime, seat, seat.mate)) is ProblemCode.WRONG_STATE


def test_a_suspended_organisation_moves_no_seat(runtime: Runtime, seat: Office) -> None:
    made.change(runtime, Organisation, seat.world.organisation, status="suspended")

    assert code_of(lambda: move(runtime, seat, seat.mate)) is ProblemCode.WRONG_STATE


def test_a_steward_makes_a_seat_once_and_of_an_organisations_grant_only(
    runtime: Runtime, seat: Office
) -> None:
    steward = people.acting_as(seat.steward)
    again = code_of(lambda: seats.make_seat(runtime, steward, seat.world.grant))
    made.change(
        runtime, Grant, seat.world.grant, holder_kind=HolderKind.PERSON, organisation_id=None
    )

    assert again is ProblemCode.WRONG_STATE
    assert code_of(lambda: seats.make_seat(runtime, steward, seat.world.grant)) is (
        ProblemCode.WRONG_STATE
    )
    assert code_of(lambda: seats.make_seat(runtime, steward, uuid.uuid4())) is (
        ProblemCode.NOT_FOUND
    )


def test_of_parallel_moves_exactly_one_wins(runtime: Runtime, seat: Office) -> None:
    grant, sides = seat.world.grant, (seat.mate, seat.holder)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number in range(ROUNDS):
            attempt = partial(move, runtime, seat, sides[number % 2], grant=grant)
            ends = list(pool.map(together(attempt), range(AT_ONCE)))
            won = [end for end in ends if isinstance(end, uuid.UUID)]
            assert len(won) == 1
            grant = won[0]
    with runtime.db.read() as session:
        live = select(Grant.id).where(Grant.ended_at.is_(None))
        assert session.scalars(live).all() == [grant]


def together(attempt: Callable[[], Grant]) -> Callable[[int], Any]:
    """The attempt, started with the others: the new grant's id, or the code of the refusal."""
    start = Barrier(AT_ONCE)

    def run(_number: int) -> Any:
        start.wait(timeout=30)
        try:
            return attempt().id
        except Problem as problem:
            return problem.code

    return run


def test_the_pages_make_and_move_a_seat(runtime: Runtime, small: Flask, office: Office) -> None:
    steward, manager = small.test_client(), small.test_client()
    people.sign_in(steward, office.steward)
    people.sign_in(manager, office.manager)
    org, grant = office.world.organisation, office.world.grant

    by_manager = people.post(manager, f"/access/grant/{grant}/make-seat").status_code
    by_steward = people.post(steward, f"/access/grant/{grant}/make-seat").status_code
    page = manager.get(f"/orgs/{org}?lang=en").text
    address = f"/orgs/{org}/seats/{grant}/move"
    empty = people.post(manager, address).status_code
    wrong = people.post(manager, address, person=str(office.stranger.id)).status_code
    moved = people.post(manager, address, person=str(office.mate.id)).status_code

    assert (by_manager, by_steward) == (403, 303)
    assert "Move the seat" in page
    assert (empty, wrong, moved) == (422, 422, 303)
    assert people.post(steward, address, person=str(office.mate.id)).status_code == 403


def renewal(office: Office, **changes: Any) -> GrantSpec:
    """What another approval for the same research project gives."""
    world = office.world
    given: dict[str, Any] = {
        "person_id": world.person, "dataset_id": world.dataset, "project_id": world.project,
        "purpose": "academic_research", "days": 90, "organisation_id": world.organisation,
    } | changes  # fmt: skip
    return GrantSpec(**given)


def renewed(runtime: Runtime, office: Office, **changes: Any) -> Grant:
    with runtime.db.write() as session:
        return create_grant(session, runtime, Actor.system(), renewal(office, **changes))


def test_a_renewed_seat_stays_with_its_organisation(runtime: Runtime, seat: Office) -> None:
    new = renewed(runtime, seat)

    assert (new.holder_kind, new.organisation_id) == (HolderKind.SEAT, seat.world.organisation)
    with runtime.db.read() as session:
        assert session.get_one(Grant, seat.world.grant).end_reason == EndReason.RENEWED
        (only,) = seats.seats_of(session, seat.world.organisation, runtime.clock.now())
    assert only.grant.id == new.id


def test_a_seat_that_ran_out_is_renewed_as_a_seat(runtime: Runtime, seat: Office) -> None:
    ended = {"ended_at": runtime.clock.now(), "end_reason": EndReason.EXPIRED}
    made.change(runtime, Grant, seat.world.grant, **ended)

    assert renewed(runtime, seat).holder_kind == HolderKind.SEAT


def test_a_seat_is_not_renewed_away_from_its_organisation(runtime: Runtime, seat: Office) -> None:
    assert code_of(lambda: renewed(runtime, seat, organisation_id=None)) is ProblemCode.CONFLICT

    with runtime.db.read() as session:
        assert session.get_one(Grant, seat.world.grant).ended_at is None


def test_what_a_person_holds_is_renewed_for_the_person(runtime: Runtime, office: Office) -> None:
    assert renewed(runtime, office, organisation_id=None).holder_kind == HolderKind.PERSON
