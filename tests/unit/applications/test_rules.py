from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from gateway.applications import rules
from gateway.applications.models import ApplicationState, Choice, ItemState
from gateway.applications.rules import Command, Relation
from gateway.catalog.models import Tier

APPROVE, REJECT, RETURN = Choice.APPROVE, Choice.REJECT, Choice.RETURN
PAGE = Path(__file__).parents[3] / "docs" / "applications.md"


@pytest.mark.parametrize("choice", [APPROVE, REJECT])
def test_one_steward_decides(choice: Choice) -> None:
    outcome = rules.decided(Tier.STEWARD, [choice])

    assert outcome == (ItemState.APPROVED if choice is APPROVE else ItemState.REJECTED)


@pytest.mark.parametrize(
    ("votes", "outcome"),
    [
        ([], None),
        ([APPROVE], None),
        ([REJECT], None),
        ([APPROVE, REJECT], None),
        ([APPROVE, APPROVE], ItemState.APPROVED),
        ([REJECT, REJECT], ItemState.REJECTED),
        ([APPROVE, REJECT, APPROVE], ItemState.APPROVED),
        ([APPROVE, REJECT, REJECT], ItemState.REJECTED),
    ],
)
def test_a_committee_needs_two_votes_of_one_kind(
    votes: list[Choice], outcome: ItemState | None
) -> None:
    assert rules.decided(Tier.COMMITTEE, votes) == outcome


@pytest.mark.parametrize("tier", [Tier.STEWARD, Tier.COMMITTEE])
@pytest.mark.parametrize("before", [[], [APPROVE], [REJECT]])
def test_any_vote_to_return_returns(tier: Tier, before: list[Choice]) -> None:
    assert rules.decided(tier, [*before, RETURN]) is ItemState.RETURNED


def test_the_instant_tier_has_no_votes() -> None:
    with pytest.raises(KeyError):
        rules.decided(Tier.INSTANT, [APPROVE])


def test_every_state_and_relation_has_a_cell() -> None:
    cells = {(state, relation) for state in rules.TABLE for relation in rules.TABLE[state]}

    assert cells == set(product(ApplicationState, Relation))


def test_nobody_but_the_applicant_knows_of_a_draft() -> None:
    others = [relation for relation in Relation if relation is not Relation.APPLICANT]

    assert rules.allowed(ApplicationState.DRAFT, others) == frozenset()


def test_only_reviewers_ever_vote_and_only_the_applicant_ever_submits() -> None:
    voters = {
        r for s, r in product(ApplicationState, Relation) if Command.VOTE in rules.TABLE[s][r]
    }
    makers = {
        r for s, r in product(ApplicationState, Relation) if Command.SUBMIT in rules.TABLE[s][r]
    }

    assert voters == rules.REVIEWERS
    assert makers == {Relation.APPLICANT}


@pytest.mark.parametrize("state", [ApplicationState.CLOSED, ApplicationState.WITHDRAWN])
def test_what_has_ended_is_only_read(state: ApplicationState) -> None:
    assert rules.allowed(state, Relation) == rules.READ
    assert rules.TRANSITIONS[state] == frozenset()


def test_every_combination_of_datasets_has_a_state() -> None:
    for count in (1, 2, 3):
        for states in product(ItemState, repeat=count):
            assert rules.aggregate(states, started=False) in ApplicationState


def test_a_returned_dataset_asks_the_applicant_even_while_another_is_in_review() -> None:
    states = [ItemState.IN_REVIEW, ItemState.RETURNED, ItemState.APPROVED]

    assert rules.aggregate(states, started=True) is ApplicationState.RETURNED


def test_one_approval_among_rejections_counts() -> None:
    states = [ItemState.REJECTED, ItemState.APPROVED, ItemState.WITHDRAWN]

    assert rules.aggregate(states, started=True) is ApplicationState.APPROVED


def test_a_rejection_and_a_withdrawal_are_a_rejection() -> None:
    states = [ItemState.REJECTED, ItemState.WITHDRAWN]

    assert rules.aggregate(states, started=True) is ApplicationState.REJECTED


def test_the_documented_table_is_the_one_in_force() -> None:
    assert rules.markdown() in PAGE.read_text(encoding="utf-8")
