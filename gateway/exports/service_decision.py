"""A steward's decision on a held export: bound to its content, never by the one who asked for it.

Approval and release are one transaction with two events. What holds a secret is never approved:
it has to be taken out and submitted again.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway import ids
from gateway.access.ask import Ask
from gateway.access.grants import checked_reason
from gateway.access.grounds import grounds_in
from gateway.access.models import Grant
from gateway.access.service import consider
from gateway.applications.models import ProjectMember, ResearchProject
from gateway.applications.service_facts import same_organisation
from gateway.applications.service_transaction import Judged, refused, transact
from gateway.errors import Problem, ProblemCode
from gateway.exports.events import Named, entry, named
from gateway.exports.models import Export, ExportDecision, ExportState
from gateway.exports.scan_record import release
from gateway.exports.service_reading import content_as_scanned, export_facts, find_for_steward
from gateway.journal import Act, Actor
from gateway.runtime import Runtime
from gateway.scanning.model import Verdict
from gateway.scanning.models import Scan
from policies.facts import Review
from policies.vocabulary import Action


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What a steward decides: `content_sha256` is the content that they have looked at."""

    approve: bool
    reason: str
    content_sha256: str


def decide(runtime: Runtime, actor: Actor, export_id: uuid.UUID, given: Verdicts) -> None:
    """Release or reject a held export, with a reason of 10 characters at least.

    Raises Problem NOT_FOUND for everybody who does not review it (see `reviewers`), ACCESS_DENIED
    for the requester, their team and supervisor, WRONG_STATE when it is not held (any more) or
    holds a secret, CONFLICT when the content is not what was looked at, VALIDATION_FAILED (reason).
    """
    transact(runtime, lambda session: _decide(session, runtime, actor, export_id, given))


def may_decide(runtime: Runtime, session: Session, actor: Actor, export: Export) -> bool:
    """Whether the policy would let this person decide: for the page, before anybody asks."""
    return consider(runtime, _ask(session, actor, export))[1].allowed


def _decide(
    session: Session, runtime: Runtime, actor: Actor, export_id: uuid.UUID, given: Verdicts
) -> None:
    reason = checked_reason(given.reason)
    export = find_for_steward(session, runtime, actor, export_id, lock=True)
    about = named(session, export)
    judged = _judge(session, runtime, actor, about)
    _check(session, export, given)
    session.add(_row(runtime, actor, export, given.approve, reason))
    session.flush()
    act = Act.EXPORT_APPROVED if given.approve else Act.EXPORT_REJECTED
    told = grounds_in(session, runtime, judged.facts, judged.decision)
    runtime.journal.record(session, entry(actor, act, about, detail=told))
    if given.approve:
        export.state = ExportState.APPROVED
        release(runtime, session, actor, about)
    else:
        export.state, export.turn_since = ExportState.REJECTED, runtime.clock.now()


def _judge(session: Session, runtime: Runtime, actor: Actor, about: Named) -> Judged:
    gathered, decision = consider(runtime, _ask(session, actor, about.export))
    judged = Judged(gathered.facts, decision)
    if not decision.allowed:
        raise refused(judged, entry(actor, Act.ACCESS_DECIDED, about))
    return judged


def _check(session: Session, export: Export, given: Verdicts) -> None:
    if export.state != ExportState.HELD:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "보류된 반출만 결정할 수 있습니다. 이미 결정되었는지 확인해 주십시오.",
            "Only a held export can be decided on. See whether it has been decided already.",
        )
    if given.content_sha256 != export.content_sha256 or not content_as_scanned(session, export):
        raise Problem(
            ProblemCode.CONFLICT,
            "검토한 내용과 현재 내용이 다릅니다. 페이지를 새로 열어 다시 검토해 주십시오.",
            "The content is not the one that you reviewed. Open the page again and review it.",
        )
    scan = session.get_one(Scan, export.scan_id)
    if given.approve and scan.verdict == Verdict.BLOCKED:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "비밀키가 검출된 반출은 승인할 수 없습니다. 사유를 적어 불승인해 주십시오.",
            "Secrets were found, so it cannot be released. Reject it and say why.",
        )


def _row(
    runtime: Runtime, actor: Actor, export: Export, approve: bool, reason: str
) -> ExportDecision:
    return ExportDecision(
        id=ids.new(runtime.clock),
        export_id=export.id,
        decider_id=actor.person_id,
        requester_id=export.person_id,
        approve=approve,
        reason=reason,
        content_sha256=export.content_sha256,
        decided_at=runtime.clock.now(),
    )


def _ask(session: Session, actor: Actor, export: Export) -> Ask:
    return Ask(
        Action.DECIDE_EXPORT,
        person_id=actor.person_id,
        dataset_id=export.dataset_id,
        version_id=export.version_id,
        review=_review(session, actor, export),
        export=export_facts(session, export, is_holder=False),
    )


def _review(session: Session, actor: Actor, export: Export) -> Review:
    """How the steward stands to the person who asked. A former team member counts as one."""
    assert actor.person_id is not None
    grant = session.get_one(Grant, export.grant_id)
    project = session.get(ResearchProject, grant.project_id)
    about = named(session, export)
    return Review(
        # The export was found for them as a steward of every dataset that it may hold.
        decider_has_role=True,
        decider_is_applicant=actor.person_id == export.person_id,
        decider_on_team=_on_team(session, actor, grant, project),
        decider_is_supervisor=project is not None and actor.person_id == project.supervisor_id,
        decider_same_organisation=same_organisation(
            session, actor.person_id, export.person_id, named=grant.organisation_id
        ),
        organisation_excluded=about.dataset.organisation_excluded,
        already_voted=False,
    )


def _on_team(session: Session, actor: Actor, grant: Grant, project: ResearchProject | None) -> bool:
    if project is not None and actor.person_id == project.owner_id:
        return True
    found = select(ProjectMember.id).where(
        ProjectMember.project_id == grant.project_id, ProjectMember.person_id == actor.person_id
    )
    return session.scalar(found.limit(1)) is not None
