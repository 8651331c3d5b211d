"""The life of an application as data: who may do what in which state, and how votes decide.

docs/applications.md prints `TABLE`, the services obey it, and one test tries every cell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Final

from gateway.applications.models import ApplicationState, Choice, ItemState, Turn
from gateway.catalog.models import Tier
from gateway.identity.models import Role


class Command(StrEnum):
    """What can be done with an application."""

    VIEW = "view"
    SAVE = "save"
    SUBMIT = "submit"
    ADD_EVIDENCE = "add_evidence"
    WITHDRAW = "withdraw"
    CLOSE = "close"
    BEGIN = "begin"
    VOTE = "vote"


class Relation(StrEnum):
    """How a person stands to an application. A person may stand in several ways at once."""

    APPLICANT = "applicant"
    TEAM = "team"
    STEWARD = "steward"
    COMMITTEE = "committee"


C, R, S = Command, Relation, ApplicationState
READ: Final = frozenset({C.VIEW})
REVIEWERS: Final = frozenset({R.STEWARD, R.COMMITTEE})

_NONE: Final[frozenset[Command]] = frozenset()
_EDIT: Final = frozenset({C.VIEW, C.SAVE, C.SUBMIT, C.ADD_EVIDENCE, C.WITHDRAW})
_WAIT: Final = frozenset({C.VIEW, C.ADD_EVIDENCE, C.WITHDRAW})
_DECIDE: Final = frozenset({C.VIEW, C.BEGIN, C.VOTE})


def _row(
    applicant: frozenset[Command], reviewers: frozenset[Command], team: frozenset[Command] = READ
) -> Mapping[Relation, frozenset[Command]]:
    return {R.APPLICANT: applicant, R.TEAM: team, R.STEWARD: reviewers, R.COMMITTEE: reviewers}


TABLE: Final[Mapping[ApplicationState, Mapping[Relation, frozenset[Command]]]] = {
    S.DRAFT: _row(_EDIT, reviewers=_NONE, team=_NONE),
    S.SUBMITTED: _row(_WAIT, _DECIDE),
    S.IN_REVIEW: _row(_WAIT, _DECIDE),
    # Another dataset of the same application may still be before its reviewers.
    S.RETURNED: _row(_EDIT, _DECIDE),
    # IRB evidence may follow an approval; the access stays closed until it is there.
    S.APPROVED: _row(frozenset({C.VIEW, C.ADD_EVIDENCE, C.CLOSE}), READ),
    S.REJECTED: _row(frozenset({C.VIEW, C.CLOSE}), READ),
    S.CLOSED: _row(READ, READ),
    S.WITHDRAWN: _row(READ, READ),
}

TRANSITIONS: Final[Mapping[ApplicationState, frozenset[ApplicationState]]] = {
    S.DRAFT: frozenset({S.SUBMITTED, S.APPROVED, S.WITHDRAWN}),
    S.SUBMITTED: frozenset({S.IN_REVIEW, S.RETURNED, S.APPROVED, S.REJECTED, S.WITHDRAWN}),
    S.IN_REVIEW: frozenset({S.RETURNED, S.APPROVED, S.REJECTED, S.WITHDRAWN}),
    S.RETURNED: frozenset({S.SUBMITTED, S.APPROVED, S.REJECTED, S.WITHDRAWN}),
    S.APPROVED: frozenset({S.CLOSED}),
    S.REJECTED: frozenset({S.CLOSED}),
    S.CLOSED: frozenset(),
    S.WITHDRAWN: frozenset(),
}
"""Where each state may lead. An instant approval goes from draft (or returned) to approved; an
application withdrawn after a part of it was approved is approved for that part."""

UNDECIDED: Final = frozenset({ItemState.DRAFT, ItemState.IN_REVIEW, ItemState.RETURNED})
EDITABLE: Final = frozenset({S.DRAFT, S.RETURNED})

# How many votes of one kind decide; RETURN needs one in every tier and is never final.
NEEDED: Final[Mapping[Tier, int]] = {Tier.STEWARD: 1, Tier.COMMITTEE: 2}
DECIDER: Final[Mapping[Tier, Role]] = {
    Tier.STEWARD: Role.STEWARD,
    Tier.COMMITTEE: Role.COMMITTEE,
}
REVIEW_TURN: Final[Mapping[Tier, Turn]] = {
    Tier.STEWARD: Turn.STEWARD,
    Tier.COMMITTEE: Turn.COMMITTEE,
}
_OUTCOMES: Final = {Choice.APPROVE: ItemState.APPROVED, Choice.REJECT: ItemState.REJECTED}


def who_may(command: Command) -> frozenset[Relation]:
    """Everybody for whom there is a state in which they may."""
    return frozenset(
        relation
        for row in TABLE.values()
        for relation, commands in row.items()
        if command in commands
    )


def allowed(state: ApplicationState, relations: Iterable[Relation]) -> frozenset[Command]:
    """What someone standing in `relations` may do in `state`."""
    return frozenset().union(*(TABLE[state][relation] for relation in relations))


def decided(tier: Tier, choices: Collection[Choice]) -> ItemState | None:
    """What the votes of one revision lead to; None while more are needed.

    Raises KeyError for the instant tier, which has no votes.
    """
    if Choice.RETURN in choices:
        return ItemState.RETURNED
    for choice, outcome in _OUTCOMES.items():
        if sum(each == choice for each in choices) >= NEEDED[tier]:
            return outcome
    return None


def aggregate(items: Collection[ItemState], *, started: bool) -> ApplicationState:
    """The application's state from those of its datasets.

    What asks for somebody's move comes first: a returned dataset, then one in review (`started`
    tells whether a reviewer has begun), then the best that was decided.
    """
    waiting = S.IN_REVIEW if started else S.SUBMITTED
    order = (
        (ItemState.RETURNED, S.RETURNED),
        (ItemState.IN_REVIEW, waiting),
        (ItemState.APPROVED, S.APPROVED),
        (ItemState.REJECTED, S.REJECTED),
        (ItemState.WITHDRAWN, S.WITHDRAWN),
    )
    return next((state for item, state in order if item in items), S.DRAFT)


def markdown() -> str:
    """`TABLE` as docs/applications.md prints it: a row a state, a column a relation."""
    head = "| state | " + " | ".join(Relation) + " |"
    rule = "|---" * (len(Relation) + 1) + "|"
    rows = [_markdown_row(state) for state in ApplicationState]
    return "\n".join((head, rule, *rows))


def _markdown_row(state: ApplicationState) -> str:
    cells = (
        ", ".join(command for command in Command if command in TABLE[state][relation]) or "–"
        for relation in Relation
    )
    return f"| `{state}` | " + " | ".join(cells) + " |"
