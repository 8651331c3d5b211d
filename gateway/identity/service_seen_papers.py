"""The manual identity check: a steward, or a manager of the person's organisation, saw a paper.

There is no CI on it, so it cannot tell two accounts of one person apart, and it counts for less
than an agency's answer.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway import ids
from gateway.errors import Problem, ProblemCode
from gateway.identity import rules
from gateway.identity.identity_marks import Checked, record_in
from gateway.identity.identity_verifier import Verified
from gateway.identity.models import Membership, Person, PersonStatus
from gateway.identity.service_organisations import is_manager, is_steward
from gateway.identity.service_people import find_by_account
from gateway.journal import Actor
from gateway.runtime import Runtime


class Paper(StrEnum):
    """What was looked at. Neither its number nor a copy is kept."""

    IDENTITY_CARD = "identity_card"
    DRIVING_LICENCE = "driving_licence"
    PASSPORT = "passport"
    ALIEN_REGISTRATION = "alien_registration"


# A person saw a paper: more than nothing, less than an agency that is liable for its answer.
LEVEL = 1
# How the record names what established an identity, where it was a paper.
PAPER_PREFIX = "paper:"


@dataclass(frozen=True, slots=True)
class Seen:
    """Whose paper was seen, which, and how: the reason of the decision."""

    account: str
    paper: Paper
    reason: str


def record_seen(runtime: Runtime, actor: Actor, seen: Seen) -> uuid.UUID:
    """Record that `actor` saw the person's paper; returns the check.

    Raises Problem 404 for an account that is unknown or not of the manager's organisation, 403 for
    one's own, 422 for the reason.
    """
    reason = rules.reason(seen.reason)
    with runtime.db.write() as session:
        person = _person(session, runtime, actor, seen.account)
        if person.id == actor.person_id:
            raise Problem(
                ProblemCode.FORBIDDEN,
                "자신의 신분증은 다른 담당자가 확인합니다.",
                "Somebody else looks at your own papers.",
            )
        found = Verified(f"{PAPER_PREFIX}{seen.paper}", LEVEL, runtime.clock.now())
        reference = str(ids.new(runtime.clock))
        checked = Checked(found, reference, actor.person_id, reason)
        return record_in(session, runtime, actor, person, checked).id


def _person(session: Session, runtime: Runtime, actor: Actor, account: str) -> Person:
    """The person, where the actor may say who they are; otherwise as if there were none."""
    person = find_by_account(session, account)
    if person is None or person.status != PersonStatus.ACTIVE:
        raise _unknown()
    if not (is_steward(session, runtime, actor) or _manages(session, actor, person.id)):
        raise _unknown()
    return person


def _manages(session: Session, actor: Actor, person_id: uuid.UUID) -> bool:
    places = session.scalars(
        select(Membership.organisation_id).where(
            Membership.person_id == person_id,
            Membership.confirmed_by.is_not(None),
            Membership.ended_at.is_(None),
        )
    )
    return any(is_manager(session, actor, place) for place in places)


def _unknown() -> Problem:
    return Problem(
        ProblemCode.NOT_FOUND,
        "그런 아이디가 없거나, 관리하는 소속기관의 구성원이 아닙니다.",
        "There is no such account, or it is not of an organisation that you manage.",
    )
