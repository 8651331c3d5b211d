"""Deciding: begin a review, vote, and what the votes of one submission lead to."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway import ids
from gateway.access.grants import checked_reason
from gateway.access.grounds import grounds_in
from gateway.applications import rules, service_facts
from gateway.applications.models import (
    Application,
    ApplicationItem,
    ApplicationState,
    Choice,
    ItemState,
    StepKind,
    Vote,
)
from gateway.applications.rules import REVIEWERS, Command
from gateway.applications.service_case import (
    Case,
    add_step,
    entry,
    load,
    not_found,
    require,
    require_revision,
    settle,
    submitted_revision,
    turn_of,
    wrong_state,
)
from gateway.applications.service_outcome import approve, conclude
from gateway.applications.service_transaction import Judged, refused, transact
from gateway.catalog.models import Tier
from gateway.identity.models import Attestation, AttestationKind, Role
from gateway.identity.refusals import Part, role_missing
from gateway.identity.service_attestations import confirm_in
from gateway.identity.service_roles import covers, roles_of
from gateway.journal import Act, Actor
from gateway.runtime import Runtime

# What keeps somebody out of a review altogether, not only from voting twice or without the role.
CONFLICTS = frozenset(
    {
        "DECIDER_IS_APPLICANT",
        "DECIDER_ON_TEAM",
        "DECIDER_IS_SUPERVISOR",
        "DECIDER_ORGANISATION_EXCLUDED",
    }
)


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote as it is cast. `revision` is the submission that the voter has read."""

    choice: Choice
    reason: str
    revision: int


def load_review(
    session: Session, runtime: Runtime, actor: Actor, item_id: uuid.UUID, *, lock: bool
) -> tuple[Case, ApplicationItem]:
    """The case as a reviewer of this one dataset sees it.

    Raises Problem NOT_FOUND for everybody without a reviewer's role for the dataset.
    """
    application_id = session.scalar(
        select(ApplicationItem.application_id).where(ApplicationItem.id == item_id)
    )
    if application_id is None or actor.person_id is None:
        raise not_found()
    case = load(session, runtime, actor, application_id, lock=lock)
    item = case.item(item_id)
    held = roles_of(session, actor.person_id, runtime.clock.now())
    reviews = any(
        covers(held, role, case.dataset(item).slug) for role in (Role.STEWARD, Role.COMMITTEE)
    )
    if not reviews or not case.relations & REVIEWERS or case.application.submitted_at is None:
        raise not_found()
    return case, item


def judge(
    session: Session, runtime: Runtime, actor: Actor, case: Case, item: ApplicationItem
) -> Judged:
    """What the policy says about `actor` deciding on the submission that lies before them.

    Raises Refused, to be recorded, when they are on the applicant's side.
    """
    assert actor.person_id is not None
    revision = submitted_revision(session, case.application.id)
    judged = service_facts.may_decide(
        session, runtime, actor.person_id, case, item, revision=revision
    )
    if CONFLICTS.intersection(judged.decision.codes):
        raise refused(judged, entry(actor, Act.APPLICATION_VIEWED, case, item))
    return judged


def begin(session: Session, runtime: Runtime, actor: Actor, item_id: uuid.UUID) -> Application:
    """Take up a review, so that everyone sees who handles it; again to take it over.

    Raises Problem NOT_FOUND, WRONG_STATE; Refused for people on the applicant's side.
    """
    case, item = load_review(session, runtime, actor, item_id, lock=True)
    require(case, Command.BEGIN)
    judge(session, runtime, actor, case, item)
    _check_open(item)
    _begin(session, runtime, actor, case, item)
    settle(runtime, case, started=True)
    return case.application


def vote(
    session: Session, runtime: Runtime, actor: Actor, item_id: uuid.UUID, ballot: Ballot
) -> Application:
    """Cast one vote with its reason, and decide when it is the one that was needed.

    Raises Problem NOT_FOUND, WRONG_STATE, CONFLICT when the submission is another by now,
    VALIDATION_FAILED for a reason under 10 characters; Refused with every blocker; what the
    database refuses is IntegrityError.
    """
    reason = checked_reason(ballot.reason)
    case, item = load_review(session, runtime, actor, item_id, lock=True)
    require(case, Command.VOTE)
    judged = judge(session, runtime, actor, case, item)
    _check_open(item)
    require_revision(ballot.revision, submitted_revision(session, case.application.id))
    if not judged.decision.allowed:
        raise refused(judged, entry(actor, Act.APPLICATION_VOTED, case, item))
    ballot = replace(ballot, reason=reason)
    _cast(session, runtime, actor, case, item, ballot=ballot, judged=judged)
    outcome = rules.decided(Tier(item.tier), _choices(session, item, ballot.revision))
    if outcome is ItemState.APPROVED:
        approve(session, runtime, actor, case, item, reason=reason)
    elif outcome is not None:
        conclude(session, runtime, actor, case, item, outcome=outcome, reason=reason)
    settle(runtime, case, started=True)
    return case.application


def check_evidence(
    runtime: Runtime, actor: Actor, item_id: uuid.UUID, attestation_id: uuid.UUID
) -> None:
    """Confirm that the IRB's decision agrees with its source; a pending grant then works.

    Raises Problem NOT_FOUND, ACCESS_DENIED for the applicant's side, FORBIDDEN, WRONG_STATE.
    """

    def confirm(session: Session) -> None:
        case, item = load_review(session, runtime, actor, item_id, lock=True)
        judge(session, runtime, actor, case, item)
        evidence = session.get(Attestation, attestation_id, with_for_update=True)
        if evidence is None or (evidence.kind, evidence.project_id) != (
            AttestationKind.IRB,
            case.project.id,
        ):
            raise not_found()
        _require_steward(session, runtime, actor, case.dataset(item).slug)
        confirm_in(session, runtime, actor, evidence)

    transact(runtime, confirm)


def _require_steward(session: Session, runtime: Runtime, actor: Actor, slug: str) -> None:
    """The committee reads the evidence; a steward of the dataset compares it."""
    assert actor.person_id is not None
    held = roles_of(session, actor.person_id, runtime.clock.now())
    if not covers(held, Role.STEWARD, slug):
        raise role_missing(actor, [Role.STEWARD], Part.HERE)


def _check_open(item: ApplicationItem) -> None:
    if item.state != ItemState.IN_REVIEW:
        raise wrong_state()


def _begin(
    session: Session, runtime: Runtime, actor: Actor, case: Case, item: ApplicationItem
) -> None:
    add_step(session, runtime, actor, case, StepKind.REVIEW_STARTED, turn=turn_of(item), item=item)
    runtime.journal.record(
        session, entry(actor, Act.APPLICATION_VIEWED, case, item, review="begun")
    )


def _cast(
    session: Session,
    runtime: Runtime,
    actor: Actor,
    case: Case,
    item: ApplicationItem,
    *,
    ballot: Ballot,
    judged: Judged,
) -> None:
    session.add(_vote_row(runtime, actor, case, item, ballot))
    session.flush()
    if case.state is ApplicationState.SUBMITTED:
        case.application.state = ApplicationState.IN_REVIEW
    choice, turn = str(ballot.choice), turn_of(item)
    add_step(session, runtime, actor, case, StepKind.VOTED, turn=turn, item=item, note=choice)
    told = grounds_in(session, runtime, judged.facts, judged.decision)
    told["revision"] = ballot.revision
    event = entry(actor, Act.APPLICATION_VOTED, case, item, reason=choice, **told)
    runtime.journal.record(session, event)


def _vote_row(
    runtime: Runtime, actor: Actor, case: Case, item: ApplicationItem, ballot: Ballot
) -> Vote:
    assert actor.person_id is not None
    return Vote(
        id=ids.new(runtime.clock),
        item_id=item.id,
        project_id=case.project.id,
        voter_id=actor.person_id,
        applicant_id=case.application.applicant_id,
        supervisor_id=case.project.supervisor_id,
        revision=ballot.revision,
        choice=ballot.choice,
        reason=ballot.reason,
        voted_at=runtime.clock.now(),
    )


def _choices(session: Session, item: ApplicationItem, revision: int) -> list[Choice]:
    votes = select(Vote.choice).where(Vote.item_id == item.id, Vote.revision == revision)
    return [Choice(choice) for choice in session.scalars(votes)]
