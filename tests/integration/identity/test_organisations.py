"""Organisations and memberships: who may verify, confirm, end; evidence and who checks it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.identity import rules
from gateway.identity import service_attestations as attestations
from gateway.identity import service_memberships as memberships
from gateway.identity import service_organisation_reads as reads
from gateway.identity import service_organisations as organisations
from gateway.identity.models import (
    AttestationKind,
    Membership,
    MembershipKind,
    Organisation,
    OrganisationKind,
    OrganisationStatus,
    Person,
    Role,
)
from gateway.identity.service_attestations import IrbForm, NewAttestation
from gateway.identity.service_organisations import NewOrganisation
from gateway.journal import Actor
from gateway.runtime import Runtime
from tests.people import acting_as, grant, make_person

NUMBER = "123456789" + str(rules.check_digit("123456789"))
LAB = NewOrganisation("한빛연구소", OrganisationKind.INSTITUTE, "KR", NUMBER)


def code_of(attempt: Any) -> ProblemCode:
    with pytest.raises(Problem) as refused:
        attempt()
    return refused.value.code


@pytest.fixture
def steward(runtime: Runtime) -> Person:
    person = make_person(runtime, "steward")
    grant(runtime, person, Role.STEWARD)
    return person


@pytest.fixture
def founder(runtime: Runtime) -> Person:
    return make_person(runtime, "founder")


@pytest.fixture
def lab(runtime: Runtime, founder: Person, steward: Person) -> Organisation:
    """A verified organisation whose manager is the founder."""
    row = organisations.register(runtime, acting_as(founder), LAB)
    organisations.verify(runtime, acting_as(steward), row.id)
    memberships.confirm_membership(runtime, acting_as(steward), first_member(runtime, row).id)
    return row


def first_member(runtime: Runtime, org: Organisation) -> Membership:
    with runtime.db.read() as session:
        return memberships.members_of(session, org.id)[0][0]


def status(runtime: Runtime, org: Organisation) -> str:
    with runtime.db.read() as session:
        return organisations.get_organisation(session, org.id).status


def test_registering_asks_for_verification_and_for_a_first_manager(
    runtime: Runtime, founder: Person, steward: Person
) -> None:
    row = organisations.register(runtime, acting_as(founder), LAB)
    place = first_member(runtime, row)

    assert status(runtime, row) == OrganisationStatus.PENDING
    assert (place.person_id, place.kind, place.confirmed_by) == (
        founder.id,
        MembershipKind.MANAGER,
        None,
    )


def test_a_business_number_belongs_to_one_organisation(runtime: Runtime, lab: Organisation) -> None:
    other = make_person(runtime, "other")

    code = code_of(lambda: organisations.register(runtime, acting_as(other), LAB))

    assert code is ProblemCode.CONFLICT


@pytest.mark.parametrize(
    ("country", "number"), [("KR", None), ("KR", "1234567890"), ("SE", NUMBER)]
)
def test_a_business_number_is_for_korea_and_only_there(
    runtime: Runtime, founder: Person, country: str, number: str | None
) -> None:
    new = NewOrganisation("X", OrganisationKind.COMPANY, country, number)

    code = code_of(lambda: organisations.register(runtime, acting_as(founder), new))

    assert code is ProblemCode.VALIDATION_FAILED


def test_foreign_organisations_need_no_number(runtime: Runtime, founder: Person) -> None:
    for name in ("Nordic Speech AB", "Baltic Speech AB"):
        new = NewOrganisation(name, OrganisationKind.COMPANY, "SE")
        assert organisations.register(runtime, acting_as(founder), new).business_number is None


def test_only_a_steward_who_does_not_belong_to_it_verifies(
    runtime: Runtime, founder: Person, steward: Person
) -> None:
    row = organisations.register(runtime, acting_as(founder), LAB)
    own = organisations.register(
        runtime, acting_as(steward), NewOrganisation("Own", OrganisationKind.COMPANY, "SE")
    )

    as_founder = code_of(lambda: organisations.verify(runtime, acting_as(founder), row.id))
    as_owner = code_of(lambda: organisations.verify(runtime, acting_as(steward), own.id))
    organisations.verify(runtime, acting_as(steward), row.id)

    assert as_founder is as_owner is ProblemCode.FORBIDDEN
    assert status(runtime, row) == OrganisationStatus.VERIFIED


def test_a_steward_of_one_dataset_verifies_no_organisation(
    runtime: Runtime, founder: Person
) -> None:
    row = organisations.register(runtime, acting_as(founder), LAB)
    limited = make_person(runtime, "limited")
    grant(runtime, limited, Role.STEWARD, "chest-ct")

    code = code_of(lambda: organisations.verify(runtime, acting_as(limited), row.id))

    assert code is ProblemCode.FORBIDDEN


def test_what_was_not_verified_can_be_corrected_and_sent_again(
    runtime: Runtime, founder: Person, steward: Person
) -> None:
    row = organisations.register(runtime, acting_as(founder), LAB)
    organisations.reject(runtime, acting_as(steward), row.id, "이름이 장부와 다릅니다")
    stranger = make_person(runtime, "stranger")
    fixed = NewOrganisation("한빛의료연구소", LAB.kind, LAB.country, LAB.business_number)

    by_stranger = code_of(
        lambda: organisations.correct_organisation(runtime, acting_as(stranger), row.id, fixed)
    )
    organisations.correct_organisation(runtime, acting_as(founder), row.id, fixed)

    assert by_stranger is ProblemCode.FORBIDDEN
    assert status(runtime, row) == OrganisationStatus.PENDING


def test_a_decision_needs_a_reason_and_fits_the_state(
    runtime: Runtime, lab: Organisation, steward: Person
) -> None:
    actor = acting_as(steward)

    assert (
        code_of(lambda: organisations.suspend_organisation(runtime, actor, lab.id, " "))
        is ProblemCode.VALIDATION_FAILED
    )
    assert code_of(lambda: organisations.verify(runtime, actor, lab.id)) is ProblemCode.WRONG_STATE
    organisations.suspend_organisation(runtime, actor, lab.id, "휴업")
    assert status(runtime, lab) == OrganisationStatus.SUSPENDED
    organisations.verify(runtime, actor, lab.id)
    assert status(runtime, lab) == OrganisationStatus.VERIFIED


def test_the_host_verifies_too_and_an_unknown_organisation_is_not_found(
    runtime: Runtime, founder: Person
) -> None:
    row = organisations.register(runtime, acting_as(founder), LAB)

    organisations.verify(runtime, Actor.operator(), row.id)

    assert status(runtime, row) == OrganisationStatus.VERIFIED
    unknown = code_of(lambda: organisations.verify(runtime, Actor.operator(), uuid.uuid4()))
    assert unknown is ProblemCode.NOT_FOUND


def test_a_manager_confirms_members_and_nobody_confirms_themselves(
    runtime: Runtime, lab: Organisation, founder: Person, steward: Person
) -> None:
    member, stranger = make_person(runtime, "member"), make_person(runtime, "stranger")
    asked = memberships.request_membership(
        runtime, acting_as(member), lab.id, MembershipKind.MEMBER
    )

    codes = {
        code_of(lambda one=one: memberships.confirm_membership(runtime, acting_as(one), asked.id))
        for one in (member, stranger, steward)
    }
    memberships.confirm_membership(runtime, acting_as(founder), asked.id)

    assert codes == {ProblemCode.FORBIDDEN}
    with runtime.db.read() as session:
        ((row, org),) = memberships.memberships_of(session, member.id)
    assert (row.confirmed_by, org.id) == (founder.id, lab.id)


def test_a_steward_confirms_only_while_there_is_no_manager(
    runtime: Runtime, lab: Organisation, founder: Person, steward: Person
) -> None:
    member = make_person(runtime, "member")
    asked = memberships.request_membership(
        runtime, acting_as(member), lab.id, MembershipKind.MANAGER
    )
    with runtime.db.read() as session:
        managed = memberships.waiting_for_steward(session)
        ((place, _org),) = memberships.memberships_of(session, founder.id)

    memberships.end_membership(runtime, acting_as(founder), place.id)
    with runtime.db.read() as session:
        orphaned = memberships.waiting_for_steward(session)
    memberships.confirm_membership(runtime, acting_as(steward), asked.id)

    assert managed == []
    assert [row.id for row, _person, _org in orphaned] == [asked.id]


def test_a_membership_is_ended_by_the_member_the_manager_or_a_steward_only(
    runtime: Runtime, lab: Organisation, founder: Person, steward: Person
) -> None:
    stranger = make_person(runtime, "stranger")
    for number, ender in enumerate((None, founder, steward)):
        member = make_person(runtime, f"member{number}")
        row = memberships.request_membership(
            runtime, acting_as(member), lab.id, MembershipKind.MEMBER
        )
        code = code_of(
            lambda row=row: memberships.end_membership(runtime, acting_as(stranger), row.id)
        )
        memberships.end_membership(runtime, acting_as(ender or member), row.id)
        assert code is ProblemCode.FORBIDDEN
        with runtime.db.read() as session:
            assert memberships.memberships_of(session, member.id) == []


def test_asking_twice_is_a_conflict_and_coming_back_is_not(
    runtime: Runtime, lab: Organisation
) -> None:
    member = acting_as(make_person(runtime, "member"))

    def ask() -> Membership:
        return memberships.request_membership(runtime, member, lab.id, MembershipKind.MEMBER)

    first = ask()
    assert code_of(ask) is ProblemCode.CONFLICT
    memberships.end_membership(runtime, member, first.id)
    assert ask().id != first.id


def test_a_search_finds_verified_organisations_by_name_and_number(
    runtime: Runtime, lab: Organisation, founder: Person
) -> None:
    organisations.register(
        runtime, acting_as(founder), NewOrganisation("한빛 해외", OrganisationKind.COMPANY, "SE")
    )

    with runtime.db.read() as session:
        found = [
            [org.id for org in reads.find_organisations(session, text)]
            for text in ("한빛", NUMBER, "%", "없는 기관")
        ]

    assert found == [[lab.id], [lab.id], [], []]


def evidence(clock: FixedClock, kind: AttestationKind, **more: Any) -> NewAttestation:
    until = clock.now() + timedelta(days=100)
    return NewAttestation(kind, "발급 기관", "2026-1", clock.now(), until, **more)


def test_checked_evidence_needs_a_steward_who_is_somebody_else(
    runtime: Runtime, clock: FixedClock, founder: Person, steward: Person
) -> None:
    training = evidence(clock, AttestationKind.TRAINING)
    own = attestations.add_attestation(runtime, acting_as(steward), training)
    row = attestations.add_attestation(runtime, acting_as(founder), training)

    def check(person: Person, attestation_id: uuid.UUID) -> None:
        attestations.check_attestation(runtime, acting_as(person), attestation_id)

    assert code_of(lambda: check(steward, own.id)) is ProblemCode.FORBIDDEN
    assert code_of(lambda: check(founder, row.id)) is ProblemCode.FORBIDDEN
    check(steward, row.id)
    assert code_of(lambda: check(steward, row.id)) is ProblemCode.WRONG_STATE


def test_a_checked_identity_raises_the_level_until_it_ends(
    runtime: Runtime, clock: FixedClock, founder: Person, steward: Person
) -> None:
    levels = []

    def level() -> None:
        with runtime.db.read() as session:
            levels.append(attestations.identity_level(session, founder.id, clock.now()))

    row = attestations.add_attestation(
        runtime, acting_as(founder), evidence(clock, AttestationKind.IDENTITY, level=3)
    )
    level()
    attestations.check_attestation(runtime, acting_as(steward), row.id)
    level()
    attestations.end_attestation(runtime, acting_as(founder), row.id)
    level()

    assert levels == [0, 3, 0]


def test_an_identity_level_falls_with_the_clock_to_what_is_still_checked(
    runtime: Runtime, clock: FixedClock, founder: Person, steward: Person
) -> None:
    now, levels = clock.now(), []
    for level, days in ((3, 10), (1, 20)):
        until = now + timedelta(days=days)
        new = NewAttestation(AttestationKind.IDENTITY, "PASS", "1", now, until, level=level)
        row = attestations.add_attestation(runtime, acting_as(founder), new)
        attestations.check_attestation(runtime, acting_as(steward), row.id)

    for _step in range(3):
        with runtime.db.read() as session:
            levels.append(attestations.identity_level(session, founder.id, clock.now()))
        clock.advance(timedelta(days=10))

    assert levels == [3, 1, 0]


def test_evidence_is_taken_back_by_its_holder_or_a_steward_only(
    runtime: Runtime, clock: FixedClock, founder: Person, steward: Person
) -> None:
    row = attestations.add_attestation(
        runtime, acting_as(founder), evidence(clock, AttestationKind.TRAINING)
    )
    stranger = make_person(runtime, "stranger")

    code = code_of(lambda: attestations.end_attestation(runtime, acting_as(stranger), row.id))
    attestations.end_attestation(runtime, acting_as(steward), row.id)

    assert code is ProblemCode.FORBIDDEN
    with runtime.db.read() as session:
        assert attestations.unchecked(session) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": AttestationKind.IDENTITY},
        {"kind": AttestationKind.IDENTITY, "level": 4},
        {"kind": AttestationKind.IRB},
        {"kind": AttestationKind.IRB, "form": IrbForm.EXEMPTION},
        {"kind": AttestationKind.TRAINING, "issuer": " "},
        {"kind": AttestationKind.TRAINING, "reference": "x" * 121},
        {"kind": AttestationKind.TRAINING, "valid_until": "before"},
    ],
)
def test_incomplete_evidence_is_refused_by_field(
    runtime: Runtime, clock: FixedClock, founder: Person, wrong: dict[str, Any]
) -> None:
    if "valid_until" in wrong:
        wrong = wrong | {"valid_until": clock.now() - timedelta(days=1)}
    right = {
        "issuer": "발급 기관",
        "reference": "1",
        "valid_from": clock.now(),
        "valid_until": clock.now() + timedelta(days=1),
    }
    new = NewAttestation(**(right | wrong))

    code = code_of(lambda: attestations.add_attestation(runtime, acting_as(founder), new))

    assert code is ProblemCode.VALIDATION_FAILED
