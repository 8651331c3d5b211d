"""What the policy says about an application: may it be made, may this person decide on it,
and what would still be missing for a download."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from gateway.access.ask import Ask, Stated, to_use
from gateway.access.models import EndReason, Grant
from gateway.access.reading import explained
from gateway.access.service import consider
from gateway.applications.models import ApplicationItem, Vote
from gateway.applications.rules import DECIDER
from gateway.applications.service_case import Case
from gateway.applications.service_transaction import Judged
from gateway.catalog.models import Dataset, Tier
from gateway.identity.models import Membership
from gateway.identity.service_roles import covers, roles_of
from gateway.runtime import Runtime
from policies.decision import Decision
from policies.duo import Matching
from policies.explain import Explanation
from policies.facts import Facts, Review
from policies.vocabulary import Action, Match


@dataclass(frozen=True, slots=True)
class Weighed:
    """What the policy says of one question, the way to a yes, and how the study fits the terms.

    `matching` is None while no purpose is stated.
    """

    facts: Facts
    explanation: Explanation
    matching: Matching | None

    @property
    def decision(self) -> Decision:
        return self.explanation.decision

    @property
    def judged(self) -> Judged:
        return Judged(self.facts, self.decision)

    @property
    def clear(self) -> bool:
        """Whether it is a yes, and the study fits the data use terms without anyone's judgement."""
        fits = self.matching is not None and self.matching.match is Match.APPROVE
        return fits and self.decision.allowed


def may_apply(runtime: Runtime, case: Case, item: ApplicationItem, stated: Stated) -> Weighed:
    """Whether the policy lets the applicant apply for this dataset with what they state."""
    return weigh(runtime, _asking(Action.APPLY, case, item, stated))


def may_apply_anew(
    runtime: Runtime, person_id: uuid.UUID | None, dataset: Dataset, stated: Stated | None
) -> tuple[Weighed, Weighed]:
    """ "Can I?", before anything is on record: to apply, and then to use the data."""
    ask = Ask(Action.APPLY, person_id=person_id, dataset_id=dataset.id, stated=stated)
    return weigh(runtime, ask), weigh(runtime, replace(ask, action=to_use(dataset.delivery)))


def weigh(runtime: Runtime, ask: Ask) -> Weighed:
    """Decide and explain without recording anything. Raises Problem NOT_FOUND."""
    gathered, explanation = explained(runtime, ask)
    return Weighed(gathered.facts, explanation, gathered.matching)


def _asking(action: Action, case: Case, item: ApplicationItem, stated: Stated | None) -> Ask:
    return Ask(
        action,
        person_id=case.application.applicant_id,
        dataset_id=item.dataset_id,
        organisation_id=case.application.organisation_id,
        project_id=case.project.id,
        stated=stated,
    )


def may_decide(
    session: Session,
    runtime: Runtime,
    voter_id: uuid.UUID,
    case: Case,
    item: ApplicationItem,
    *,
    revision: int,
) -> Judged:
    """Whether the policy lets `voter_id` decide on this dataset's submission `revision`."""
    ask = Ask(
        Action.DECIDE_APPLICATION,
        person_id=voter_id,
        dataset_id=item.dataset_id,
        review=review_facts(session, runtime, voter_id, case, item, revision=revision),
    )
    gathered, decision = consider(runtime, ask)
    return Judged(gathered.facts, decision)


def review_facts(
    session: Session,
    runtime: Runtime,
    voter_id: uuid.UUID,
    case: Case,
    item: ApplicationItem,
    *,
    revision: int,
) -> Review:
    """How `voter_id` stands to what they would decide on. A former team member counts as one."""
    dataset = case.dataset(item)
    return Review(
        decider_has_role=_has_role(session, runtime, voter_id, item, dataset.slug),
        decider_is_applicant=voter_id == case.application.applicant_id,
        decider_on_team=voter_id in {row.person_id for row in case.members},
        decider_is_supervisor=voter_id == case.project.supervisor_id,
        decider_same_organisation=same_organisation(
            session,
            voter_id,
            case.application.applicant_id,
            named=case.application.organisation_id,
        ),
        organisation_excluded=dataset.organisation_excluded,
        already_voted=_voted(session, voter_id, item, revision),
    )


def _has_role(
    session: Session, runtime: Runtime, voter_id: uuid.UUID, item: ApplicationItem, slug: str
) -> bool:
    role = DECIDER.get(Tier(item.tier))
    held = roles_of(session, voter_id, runtime.clock.now())
    return role is not None and covers(held, role, slug)


def same_organisation(
    session: Session, decider_id: uuid.UUID, requester_id: uuid.UUID, *, named: uuid.UUID | None
) -> bool:
    """Whether the decider is a confirmed member where the requester is one, or of `named`.

    All of the requester's organisations count: leaving the field empty, or naming another, must
    not let a colleague decide.
    """
    theirs = _live_organisations(requester_id)
    found = _live_organisations(decider_id).where(
        Membership.organisation_id.in_(theirs) | (Membership.organisation_id == named)
    )
    return session.scalar(found.limit(1)) is not None


def _live_organisations(person_id: uuid.UUID) -> Select[uuid.UUID]:
    return select(Membership.organisation_id).where(
        Membership.person_id == person_id,
        Membership.confirmed_by.is_not(None),
        Membership.ended_at.is_(None),
    )


def _voted(session: Session, voter_id: uuid.UUID, item: ApplicationItem, revision: int) -> bool:
    found = select(Vote.id).where(
        Vote.item_id == item.id, Vote.voter_id == voter_id, Vote.revision == revision
    )
    return session.scalar(found) is not None


def under_a_cloud(session: Session, person_id: uuid.UUID, dataset_id: uuid.UUID) -> bool:
    """Whether a right of this person to this dataset is suspended or was revoked.

    Then a person decides, whatever the tier: an instant approval must not undo a sanction.
    """
    sanctioned = (Grant.ended_at.is_(None) & Grant.suspended) | (
        Grant.end_reason == EndReason.REVOKED
    )
    found = select(Grant.id).where(
        Grant.person_id == person_id, Grant.dataset_id == dataset_id, sanctioned
    )
    return session.scalar(found.limit(1)) is not None


def way_to_use(runtime: Runtime, case: Case, item: ApplicationItem, stated: Stated) -> Explanation:
    """What stands between the applicant and using the data, and who must act.

    Once there is a grant, its own words count, not what is `stated`.
    """
    action = to_use(case.dataset(item).delivery)
    said = stated if item.grant_id is None else None
    return weigh(runtime, _asking(action, case, item, said)).explanation
