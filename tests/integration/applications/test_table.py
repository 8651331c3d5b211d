"""Every cell of the state × relation × command table, tried on the services themselves."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from sqlalchemy.orm import Session

from gateway.applications import rules, service_drafts, service_review, service_submit
from gateway.applications.models import Application, ApplicationState, Choice
from gateway.applications.rules import Command, Relation
from gateway.applications.service_case import load, submitted_revision
from gateway.applications.service_review import Ballot
from gateway.applications.service_transaction import Refused, transact
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Person
from gateway.runtime import Runtime
from tests import applying
from tests.applying import REASON, Cast
from tests.people import acting_as

S, C = ApplicationState, Command
SLUG = "clinic-images"
ENDED = frozenset({ProblemCode.WRONG_STATE, ProblemCode.FORBIDDEN, ProblemCode.NOT_FOUND})


def reach(runtime: Runtime, cast: Cast, state: ApplicationState) -> Application:
    """An application for a committee's dataset, brought into `state` as people would."""
    if state is S.DRAFT:
        return applying.drafted(runtime, cast.researcher, SLUG)
    made = applying.submitted(runtime, cast.researcher, SLUG)
    item = applying.item(runtime, made.id)
    for voter, choice in zip(cast.committee, _votes(state), strict=False):
        applying.vote(runtime, voter, item.id, choice)
    if state in {S.CLOSED, S.WITHDRAWN}:
        verb = service_submit.close if state is S.CLOSED else service_submit.withdraw
        transact(runtime, lambda s: verb(s, runtime, acting_as(cast.researcher), made.id))
    return made


def _votes(state: ApplicationState) -> list[Choice]:
    return {
        S.IN_REVIEW: [Choice.APPROVE],
        S.RETURNED: [Choice.RETURN],
        S.APPROVED: [Choice.APPROVE, Choice.APPROVE],
        S.REJECTED: [Choice.REJECT, Choice.REJECT],
        S.CLOSED: [Choice.REJECT, Choice.REJECT],
    }.get(state, [])


def people(cast: Cast) -> dict[Relation | None, Person]:
    """Someone for each relation; None is the stranger. The third member has not voted yet."""
    return {
        Relation.APPLICANT: cast.researcher,
        Relation.TEAM: cast.mate,
        Relation.STEWARD: cast.steward,
        Relation.COMMITTEE: cast.committee[2],
        None: cast.stranger,
    }


def commands(
    runtime: Runtime, one: Person, made: Application
) -> dict[Command, Callable[[Session], Any]]:
    """Every command as `one` would give it."""
    actor, item = acting_as(one), applying.item(runtime, made.id)
    revision = applying.application(runtime, made.id).revision
    with runtime.db.read() as session:
        ballot = Ballot(Choice.REJECT, REASON, submitted_revision(session, made.id))
    evidence = applying.irb(runtime, made.project_id)

    def run(verb: Callable[..., Any], *given: Any, **named: Any) -> Callable[[Session], Any]:
        return lambda session: verb(session, runtime, actor, *given, **named)

    return {
        C.VIEW: run(load, made.id, lock=False),
        C.SAVE: run(service_drafts.save, made.id, applying.draft(), revision=revision),
        C.SUBMIT: run(service_submit.submit, made.id, revision),
        C.ADD_EVIDENCE: run(service_submit.add_evidence, made.id, evidence),
        C.WITHDRAW: run(service_submit.withdraw, made.id),
        C.CLOSE: run(service_submit.close, made.id),
        C.BEGIN: run(service_review.begin, item.id),
        C.VOTE: run(service_review.vote, item.id, ballot),
    }


class Undo(Exception):
    """Ends a trial without a trace."""


@pytest.mark.parametrize("state", S)
def test_every_cell_answers_as_the_table_says(
    runtime: Runtime, cast: Cast, state: ApplicationState
) -> None:
    made = reach(runtime, cast, state)
    assert applying.application(runtime, made.id).state == state
    for (relation, one), command in product(people(cast).items(), C):
        allowed = rules.allowed(state, {relation} if relation else set())
        if (relation, command) in EXCEPTIONS.get(state, {}):
            continue
        outcome = _try(runtime, commands(runtime, one, made)[command])
        expected = command in allowed
        assert outcome is None if expected else outcome in ENDED, (state, relation, command)
        if not allowed:
            assert outcome is ProblemCode.NOT_FOUND, (state, relation, command)


# A steward reads a committee's case and may take it up, but only the committee votes; nothing can
# be voted on or begun once the only dataset was returned; a live grant keeps a case open.
EXCEPTIONS: dict[ApplicationState, set[tuple[Relation | None, Command]]] = {
    S.SUBMITTED: {(Relation.STEWARD, C.VOTE)},
    S.IN_REVIEW: {(Relation.STEWARD, C.VOTE)},
    S.RETURNED: {
        (relation, command)
        for relation in (Relation.STEWARD, Relation.COMMITTEE)
        for command in (C.BEGIN, C.VOTE)
    },
    S.APPROVED: {(Relation.APPLICANT, C.CLOSE)},
}


def _try(runtime: Runtime, attempt: Callable[[Session], Any]) -> ProblemCode | None:
    """The refusal of a trial that is rolled back, or None when it would have gone through."""
    try:
        with runtime.db.write() as session:
            attempt(session)
            raise Undo
    except Undo:
        return None
    except Refused as refusal:
        return refusal.problem.code
    except Problem as problem:
        return problem.code


def test_the_exceptions_are_refused_too(runtime: Runtime, cast: Cast) -> None:
    for state, cells in EXCEPTIONS.items():
        made = reach(runtime, cast, state)
        for relation, command in cells:
            one = people(cast)[relation]
            assert _try(runtime, commands(runtime, one, made)[command]) is not None


def test_an_application_that_does_not_exist_is_not_found(runtime: Runtime, cast: Cast) -> None:
    actor, nowhere = acting_as(cast.steward), uuid.uuid4()
    ballot = Ballot(Choice.APPROVE, REASON, 1)

    with pytest.raises(Problem) as refusal:
        transact(runtime, lambda s: service_review.vote(s, runtime, actor, nowhere, ballot))

    assert refusal.value.code is ProblemCode.NOT_FOUND
