"""Submitting, withdrawing and closing: the applicant's side of the life of an application."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.access.grounds import grounds_in
from gateway.access.matching import grant_days
from gateway.access.models import Grant
from gateway.applications import service_facts, service_revisions
from gateway.applications.models import (
    Application,
    ApplicationItem,
    ApplicationState,
    ItemState,
    StepKind,
    Turn,
)
from gateway.applications.rules import REVIEW_TURN, UNDECIDED, Command
from gateway.applications.service_case import (
    Case,
    add_step,
    entry,
    load,
    require,
    require_revision,
    settle,
)
from gateway.applications.service_facts import Weighed
from gateway.applications.service_outcome import approve
from gateway.applications.service_projects import missing, stated_of
from gateway.applications.service_transaction import Judged, refused
from gateway.applications.workdays import due
from gateway.catalog.models import Tier
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import AttestationKind
from gateway.identity.service_attestations import NewAttestation, add_in
from gateway.journal import Act, Actor
from gateway.runtime import Runtime
from policies.decision import Outcome as Verdict

_SUBMITTABLE = frozenset({ItemState.DRAFT, ItemState.RETURNED})
FIELD_NAMES = {
    "title": ("제목", "title"),
    "purpose": ("이용 목적", "purpose of use"),
    "uses": ("이용 방법", "uses"),
    "diseases": ("연구하는 질병", "diseases studied"),
    "plan": ("연구계획", "plan"),
}


def submit(
    session: Session, runtime: Runtime, actor: Actor, application_id: uuid.UUID, revision: int
) -> Application:
    """Hand an application in, or hand a returned one in again.

    Instant datasets are approved here if the policy has no objection and the study fits the data
    use terms; the others go to their reviewers. Raises Problem NOT_FOUND, WRONG_STATE, CONFLICT,
    VALIDATION_FAILED; Refused with every blocker and the way to a yes when the policy does not let
    the applicant apply.
    """
    case = load(session, runtime, actor, application_id, lock=True)
    require(case, Command.SUBMIT)
    require_revision(revision, case.application.revision)
    _check_complete(case)
    waiting = [item for item in case.items if item.state in _SUBMITTABLE]
    weighed = {item.id: _check(session, runtime, actor, case, item) for item in waiting}
    again = case.application.submitted_at is not None
    _stamp(session, runtime, case)
    for item in waiting:
        _enter(session, runtime, case, item, clear=weighed[item.id].clear)
    what = StepKind.RESUBMITTED if again else StepKind.SUBMITTED
    add_step(session, runtime, actor, case, what, turn=_next_turn(waiting))
    for item in waiting:
        _hand_in(session, runtime, actor, case, item, judged=weighed[item.id].judged)
    settle(runtime, case, started=False)
    return case.application


def withdraw(
    session: Session, runtime: Runtime, actor: Actor, application_id: uuid.UUID
) -> Application:
    """Take back what is not decided yet. Raises Problem NOT_FOUND or WRONG_STATE."""
    case = load(session, runtime, actor, application_id, lock=True)
    require(case, Command.WITHDRAW)
    for item in [item for item in case.items if item.state in UNDECIDED]:
        item.state, item.turn_since = ItemState.WITHDRAWN, runtime.clock.now()
        item.due_at = None
        runtime.journal.record(session, entry(actor, Act.APPLICATION_WITHDRAWN, case, item))
    add_step(session, runtime, actor, case, StepKind.WITHDRAWN, turn=Turn.NOBODY)
    settle(runtime, case, started=False)
    return case.application


def close(
    session: Session, runtime: Runtime, actor: Actor, application_id: uuid.UUID
) -> Application:
    """End a decided application whose grants have ended. Raises Problem as `withdraw`."""
    case = load(session, runtime, actor, application_id, lock=True)
    require(case, Command.CLOSE)
    if _live_grants(session, runtime, case):
        raise Problem(
            ProblemCode.WRONG_STATE,
            "아직 유효한 이용 권한이 있습니다. 이용 권한을 먼저 반납하거나 만료를 기다려 주십시오.",
            "A grant of this application is still live: give it up first, or wait for its end.",
        )
    case.application.state = ApplicationState.CLOSED
    case.application.ended_at = case.application.turn_since = runtime.clock.now()
    add_step(session, runtime, actor, case, StepKind.CLOSED, turn=Turn.NOBODY)
    runtime.journal.record(session, entry(actor, Act.APPLICATION_CLOSED, case))
    return case.application


def add_evidence(
    session: Session,
    runtime: Runtime,
    actor: Actor,
    application_id: uuid.UUID,
    evidence: NewAttestation,
) -> Application:
    """Add the IRB's decision on the research project; a steward checks it with its source.

    Raises Problem NOT_FOUND, WRONG_STATE, VALIDATION_FAILED naming the field.
    """
    case = load(session, runtime, actor, application_id, lock=True)
    require(case, Command.ADD_EVIDENCE)
    assert evidence.kind is AttestationKind.IRB
    assert evidence.project_id == case.project.id
    add_in(session, runtime, actor, evidence)
    turn = Turn.STEWARD if case.application.submitted_at else Turn.APPLICANT
    add_step(session, runtime, actor, case, StepKind.EVIDENCE_ADDED, turn=turn)
    return case.application


def _check_complete(case: Case) -> None:
    absent = missing(case.project)
    if not absent:
        return
    korean = ", ".join(FIELD_NAMES[name][0] for name in absent)
    english = ", ".join(FIELD_NAMES[name][1] for name in absent)
    raise Problem(
        ProblemCode.VALIDATION_FAILED,
        f"접수하려면 다음 항목을 채워 주십시오: {korean}",
        f"A submission still needs: {english}.",
        missing=absent,
    )


def _check(
    session: Session, runtime: Runtime, actor: Actor, case: Case, item: ApplicationItem
) -> Weighed:
    weighed = service_facts.may_apply(runtime, case, item, stated_of(case.project))
    if weighed.decision.outcome is Verdict.DENY:
        denial = entry(actor, Act.APPLICATION_SUBMITTED, case, item)
        raise refused(weighed.judged, denial, weighed.explanation)
    twin = _twin(session, case, item)
    if twin is not None:
        raise Problem(
            ProblemCode.CONFLICT,
            f"같은 연구과제로 이 데이터셋을 이미 신청했습니다: {twin}",
            f"This research project has already applied for this dataset: {twin}.",
            number=twin,
        )
    return weighed


def _twin(session: Session, case: Case, item: ApplicationItem) -> str | None:
    """The number of another application of this project that waits for this dataset."""
    return session.scalar(
        select(Application.number)
        .join(ApplicationItem, ApplicationItem.application_id == Application.id)
        .where(
            Application.project_id == case.project.id,
            Application.id != case.application.id,
            ApplicationItem.dataset_id == item.dataset_id,
            ApplicationItem.state.in_((ItemState.IN_REVIEW, ItemState.RETURNED)),
        )
        .limit(1)
    )


def _stamp(session: Session, runtime: Runtime, case: Case) -> None:
    application = case.application
    application.revision += 1
    application.submitted_at = application.submitted_at or runtime.clock.now()
    application.turn_since = runtime.clock.now()
    service_revisions.keep(session, runtime, case)


def _enter(
    session: Session, runtime: Runtime, case: Case, item: ApplicationItem, *, clear: bool
) -> None:
    """Fix the tier as the dataset asks now, and start the clock of the reviewers.

    What no rule can decide, such as a study that the terms leave to a person, is a steward's.
    """
    now = runtime.clock.now()
    dataset = case.dataset(item)
    tier = Tier(dataset.tier)
    if tier is Tier.INSTANT and not (clear and _untouched(session, case, item)):
        tier = Tier.STEWARD
    item.tier = tier
    item.grant_days = grant_days(dataset.grant_days, dataset.duo, stated_of(case.project).study)
    item.state, item.turn_since, item.reason = ItemState.IN_REVIEW, now, ""
    item.due_at = due(now, dataset.typical_days, runtime.settings.zone)


def _untouched(session: Session, case: Case, item: ApplicationItem) -> bool:
    applicant = case.application.applicant_id
    return not service_facts.under_a_cloud(session, applicant, item.dataset_id)


def _next_turn(items: list[ApplicationItem]) -> Turn:
    turns = [REVIEW_TURN[Tier(item.tier)] for item in items if item.tier != Tier.INSTANT]
    return turns[0] if turns else Turn.NOBODY


def _hand_in(
    session: Session,
    runtime: Runtime,
    actor: Actor,
    case: Case,
    item: ApplicationItem,
    *,
    judged: Judged,
) -> None:
    handed_in = entry(
        actor,
        Act.APPLICATION_SUBMITTED,
        case,
        item,
        tier=str(item.tier),
        revision=case.application.revision,
        **grounds_in(session, runtime, judged.facts, judged.decision),
    )
    runtime.journal.record(session, handed_in)
    if item.tier == Tier.INSTANT:
        approve(session, runtime, Actor.system(), case, item, reason="")


def _live_grants(session: Session, runtime: Runtime, case: Case) -> bool:
    grants = [item.grant_id for item in case.items if item.grant_id is not None]
    found = select(Grant.id).where(
        Grant.id.in_(grants), Grant.ended_at.is_(None), Grant.ends_at > runtime.clock.now()
    )
    return session.scalar(found.limit(1)) is not None
