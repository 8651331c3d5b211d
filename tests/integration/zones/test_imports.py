"""Imports: asked for, decided by somebody else, and carried in only as approved."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from gateway.access import grants
from gateway.errors import ProblemCode
from gateway.evidence.anonymise import anonymise
from gateway.identity.models import Person, Role
from gateway.journal import Act
from gateway.zones import service_imports, service_sessions
from gateway.zones.models import ZoneImport
from gateway.zones.service_imports import NewImport, Verdict
from tests import people
from tests.integration.zones.conftest import (
    DAYS,
    DIGEST,
    REASON,
    SLUG,
    TIES,
    Stage,
    codes,
    refusal,
    term,
    tie,
)

YES, NO = Verdict(True, REASON), Verdict(False, REASON)


def new(stage: Stage) -> NewImport:
    return NewImport(SLUG, stage.world.grant, "모형.safetensors", 1_000, DIGEST, REASON)


def asked(stage: Stage) -> uuid.UUID:
    return service_imports.request_import(stage.runtime, stage.me, new(stage))


def approved(stage: Stage) -> uuid.UUID:
    made = asked(stage)
    service_imports.decide(stage.runtime, stage.desk, made, YES)
    return made


def row(stage: Stage, import_id: uuid.UUID) -> ZoneImport:
    with stage.runtime.db.read() as session:
        return session.get_one(ZoneImport, import_id)


@pytest.mark.parametrize("how", TIES)
def test_staff_neither_decide_on_nor_carry_in_a_file_of_their_own_research_project(
    stage: Stage, how: str
) -> None:
    waiting, agreed = asked(stage), approved(stage)
    tie(stage, stage.staff, how)

    refused = [
        refusal(lambda: service_imports.decide(stage.runtime, stage.desk, waiting, YES)),
        refusal(lambda: service_imports.bring_in(stage.runtime, stage.desk, agreed, DIGEST)),
    ]

    assert {each.code for each in refused} == {ProblemCode.FORBIDDEN}
    assert [said.reason for said in stage.said(Act.ACCESS_DECIDED)] == ["OWN_PROJECT"] * 2
    assert (row(stage, waiting).decided_at, row(stage, agreed).brought_in_at) == (None, None)


def test_an_approved_file_is_brought_in_by_staff(stage: Stage) -> None:
    made = approved(stage)

    service_imports.bring_in(stage.runtime, stage.desk, made, DIGEST)

    found = row(stage, made)
    assert (found.state, found.decided_by, found.brought_in_by) == (
        "approved", stage.staff.id, stage.staff.id,
    )  # fmt: skip
    acts = (Act.ZONE_IMPORT_REQUESTED, Act.ZONE_IMPORT_APPROVED, Act.ZONE_IMPORT_BROUGHT_IN)
    said = stage.said(*acts)
    assert [one.action for one in said] == list(acts)
    assert {(one.ref, one.detail["sha256"]) for one in said} == {(f"zone_import:{made}", DIGEST)}


def test_another_file_than_the_approved_one_stays_outside(stage: Stage) -> None:
    made = approved(stage)

    changed = refusal(lambda: service_imports.bring_in(stage.runtime, stage.desk, made, "cd" * 32))

    assert changed.code is ProblemCode.CONFLICT
    assert row(stage, made).brought_in_at is None
    assert [s.reason for s in stage.said(Act.ACCESS_DECIDED)] == ["IMPORT_CONTENT_CHANGED"]


@pytest.mark.parametrize("verdict", [None, NO], ids=["undecided", "rejected"])
def test_nothing_comes_in_without_approval(stage: Stage, verdict: Verdict | None) -> None:
    made = asked(stage)
    if verdict:
        service_imports.decide(stage.runtime, stage.desk, made, verdict)

    denied = refusal(lambda: service_imports.bring_in(stage.runtime, stage.desk, made, DIGEST))

    assert codes(denied) == ["IMPORT_NOT_APPROVED"]


def test_a_file_comes_in_once_and_is_decided_once(stage: Stage) -> None:
    made = approved(stage)
    service_imports.bring_in(stage.runtime, stage.desk, made, DIGEST)

    again = [
        refusal(lambda: service_imports.bring_in(stage.runtime, stage.desk, made, DIGEST)),
        refusal(lambda: service_imports.decide(stage.runtime, stage.desk, made, NO)),
    ]

    assert {problem.code for problem in again} == {ProblemCode.WRONG_STATE}


def test_staff_never_decide_on_their_own_import(stage: Stage) -> None:
    people.grant(stage.runtime, stage.holder, Role.ZONE_STAFF, SLUG)
    made = asked(stage)

    own = [
        refusal(lambda: service_imports.decide(stage.runtime, stage.me, made, YES)),
        refusal(lambda: service_imports.bring_in(stage.runtime, stage.me, made, DIGEST)),
    ]

    assert {problem.code for problem in own} == {ProblemCode.FORBIDDEN}
    assert row(stage, made).state == "submitted"


@pytest.mark.parametrize("column", ["decided_by", "brought_in_by"])
def test_the_database_too_keeps_people_from_their_own(stage: Stage, column: str) -> None:
    asked(stage)

    with pytest.raises(IntegrityError), stage.runtime.db.write() as session:
        session.execute(update(ZoneImport).values(**{column: stage.holder.id}))


def test_whoever_is_not_staff_does_not_learn_of_it(stage: Stage) -> None:
    made, stranger = asked(stage), people.acting_as(people.make_person(stage.runtime, "stranger"))

    hidden = [
        refusal(lambda: service_imports.decide(stage.runtime, stranger, made, YES)),
        refusal(lambda: service_imports.bring_in(stage.runtime, stranger, made, DIGEST)),
        refusal(lambda: service_imports.decide(stage.runtime, stage.desk, uuid.uuid4(), YES)),
    ]

    assert {problem.code for problem in hidden} == {ProblemCode.NOT_FOUND}


def test_a_request_needs_a_grant_that_would_let_it_in(stage: Stage) -> None:
    grants.suspend(stage.runtime, stage.desk, stage.world.grant, REASON)

    denied = refusal(lambda: asked(stage))

    assert codes(denied) == ["GRANT_SUSPENDED"]


def test_a_revoked_grant_keeps_an_approved_file_out(stage: Stage) -> None:
    made = approved(stage)
    grants.revoke(stage.runtime, stage.desk, stage.world.grant, REASON)

    denied = refusal(lambda: service_imports.bring_in(stage.runtime, stage.desk, made, DIGEST))

    assert codes(denied) == ["GRANT_REVOKED"]


def test_an_import_ends_with_the_session_and_with_the_term(stage: Stage) -> None:
    term(stage, 1)
    made, session = approved(stage), stage.opened()
    service_sessions.close_session(stage.runtime, stage.me, session)

    over = refusal(lambda: service_imports.bring_in(stage.runtime, stage.desk, made, DIGEST))
    stage.clock.advance(DAYS)
    late = refusal(lambda: asked(stage))

    assert codes(over) == codes(late) == ["SAFE_ZONE_SESSION_OVER"]


def test_a_reason_and_a_name_are_needed(stage: Stage) -> None:
    short = replace(new(stage), reason="짧음")
    nameless = replace(new(stage), name=" ")
    made = asked(stage)

    problems = [
        refusal(lambda: service_imports.request_import(stage.runtime, stage.me, short)),
        refusal(lambda: service_imports.request_import(stage.runtime, stage.me, nameless)),
        refusal(
            lambda: service_imports.decide(stage.runtime, stage.desk, made, Verdict(True, "ok"))
        ),
    ]

    assert {problem.code for problem in problems} == {ProblemCode.VALIDATION_FAILED}


def test_an_erased_person_leaves_no_words_in_a_request(stage: Stage) -> None:
    made = asked(stage)

    with stage.runtime.db.write() as session:
        anonymise(session, stage.runtime, session.get_one(Person, stage.holder.id))

    found = row(stage, made)
    assert (found.name, found.reason, found.sha256) == ("erased", "erased", DIGEST)
