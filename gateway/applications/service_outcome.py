"""What follows from a decision, in the same transaction: the state, the grant, the event."""

from __future__ import annotations

from sqlalchemy.orm import Session

from gateway.access.grants import GrantSpec, create_grant
from gateway.applications.models import ApplicationItem, ItemState, StepKind, Turn
from gateway.applications.service_case import Case, add_step, entry
from gateway.applications.service_revisions import lying_before_reviewers, stated_in
from gateway.catalog.models import Tier
from gateway.journal import Act, Actor
from gateway.runtime import Runtime

_STEPS = {
    ItemState.APPROVED: (StepKind.APPROVED, Act.APPLICATION_APPROVED),
    ItemState.REJECTED: (StepKind.REJECTED, Act.APPLICATION_REJECTED),
    ItemState.RETURNED: (StepKind.RETURNED, Act.APPLICATION_RETURNED),
}


def approve(
    session: Session,
    runtime: Runtime,
    actor: Actor,
    case: Case,
    item: ApplicationItem,
    *,
    reason: str,
) -> None:
    """Approve one dataset and create the grant; a live grant of the same project is renewed.

    Its purpose, uses and study are those that were submitted: the project may have changed since.
    """
    stated = stated_in(lying_before_reviewers(session, case.application.id).content)
    spec = GrantSpec(
        person_id=case.application.applicant_id,
        dataset_id=item.dataset_id,
        project_id=case.project.id,
        purpose=stated.purpose,
        uses=stated.uses,
        study=stated.study,
        days=item.grant_days,
        organisation_id=case.application.organisation_id,
        application_item_id=item.id,
        quota_bytes=case.dataset(item).quota_bytes,
        purpose_reviewed=item.tier != Tier.INSTANT,
    )
    item.grant_id = create_grant(session, runtime, actor, spec).id
    conclude(session, runtime, actor, case, item, outcome=ItemState.APPROVED, reason=reason)


def conclude(
    session: Session,
    runtime: Runtime,
    actor: Actor,
    case: Case,
    item: ApplicationItem,
    *,
    outcome: ItemState,
    reason: str,
) -> None:
    """Write down how one dataset was decided, or that it was returned for revision."""
    now = runtime.clock.now()
    returned = outcome is ItemState.RETURNED
    item.state, item.reason = outcome, reason
    item.turn_since, item.due_at = now, None
    item.decided_at = None if returned else now
    what, act = _STEPS[outcome]
    turn = Turn.APPLICANT if returned else Turn.NOBODY
    add_step(session, runtime, actor, case, what, turn=turn, item=item, note=reason)
    runtime.journal.record(session, entry(actor, act, case, item, tier=str(item.tier)))
