"""What if: the decision of now beside the one that other facts would bring. Nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.access.ask import Gathered
from gateway.decisions.asking import Asker, record_look
from gateway.decisions.service_evaluation import Question, explained, look_up
from gateway.decisions.service_search import action_name
from gateway.policy.loading import engine_for
from gateway.runtime import Runtime
from policies.decision import Blocker
from policies.explain import Explanation, explain
from policies.facts import UNLIMITED_BYTES, Facts
from policies.remedy import PLACEHOLDER_ORGANISATION
from policies.vocabulary import GrantState

SUBJECT: Final = frozenset(
    {"training", "identity_level", "korean_national", "organisation_verified", "suspended"}
    | {"membership_live"}
)
STANDING: Final = frozenset(
    {"purpose", "uses", "approvals", "acceptance", "organisation_acceptance", "grant", "irb"}
    | {"duo", "purpose_reviewed"}
)
MAY_BE_UNKNOWN: Final = frozenset({"purpose", "duo", "korean_national"})
DAY_MS: Final = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The two answers. `then` is None while nothing was changed."""

    facts: Facts
    now: Explanation
    then: Explanation | None

    @property
    def removed(self) -> tuple[Blocker, ...]:
        """What would no longer stand in the way, in the order of the rules."""
        return _without(self.now, self.then)

    @property
    def added(self) -> tuple[Blocker, ...]:
        """What would newly stand in the way."""
        return _without(self.then, self.now)


def what_if(
    runtime: Runtime, asker: Asker, question: Question, given: Mapping[str, Any] | None
) -> WhatIf:
    """Decide as things are, and with the facts of `given` (by name, see SUBJECT and STANDING).

    Recorded as a look at somebody else's standing. Raises Problem FORBIDDEN, NOT_FOUND.
    """
    person, dataset, found = look_up(runtime, asker, question.subject, question.resource)
    asked = action_name(question.action)
    record_look(runtime, asker, [person.id], dataset.slug, action=asked, what_if=True)
    now = explained(runtime, found, question.action)
    then = None if given is None else _explained_with(runtime, found, question.action, given)
    return WhatIf(found.facts, now, then)


def facts_of(facts: Facts) -> dict[str, Any]:
    """The present values of what can be changed, by name."""
    own = {name: getattr(facts.subject, name) for name in SUBJECT}
    return own | {name: getattr(facts.standing, name) for name in STANDING}


def changed(facts: Facts, given: Mapping[str, Any]) -> Facts:
    """The facts with other values. A grant that becomes live gets what an approval would give."""
    subject = {name: value for name, value in given.items() if name in SUBJECT}
    standing = {name: value for name, value in given.items() if name in STANDING}
    made = replace(
        facts,
        subject=replace(facts.subject, **subject),
        standing=replace(facts.standing, **standing),
    )
    if given.get("grant") == GrantState.LIVE != facts.standing.grant:
        made = _approved(made)
    return _in_organisation(made) if given.get("organisation_verified") else made


def _approved(facts: Facts) -> Facts:
    """A research project under way, a window around now, and no limit where none is recorded."""
    standing, now = facts.standing, facts.now_ms
    starts, ends = standing.grant_starts_ms, standing.grant_ends_ms
    live = replace(
        standing,
        project_live=True,
        grant_starts_ms=now if starts is None else min(starts, now),
        grant_ends_ms=now + DAY_MS if ends is None else max(ends, now + DAY_MS),
        quota_bytes=UNLIMITED_BYTES if standing.quota_bytes is None else standing.quota_bytes,
    )
    return replace(facts, standing=live)


def _in_organisation(facts: Facts) -> Facts:
    """Whoever has no organisation can only have a verified one by joining it."""
    if facts.subject.organisation_id is not None:
        return facts
    joined = replace(facts.subject, organisation_id=PLACEHOLDER_ORGANISATION, membership_live=True)
    return replace(facts, subject=joined)


def _explained_with(
    runtime: Runtime, found: Gathered, action: str, given: Mapping[str, Any]
) -> Explanation:
    engine = engine_for(runtime.db, found.release)
    return explain(engine, action, changed(found.facts, given))


def _without(some: Explanation | None, others: Explanation | None) -> tuple[Blocker, ...]:
    if some is None or others is None:
        return ()
    known = {blocker.rule for blocker in others.decision.blockers}
    return tuple(blocker for blocker in some.decision.blockers if blocker.rule not in known)
