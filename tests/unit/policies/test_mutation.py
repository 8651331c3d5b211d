"""Small mistakes in the rules: each is found by a case file or by a proof, or means the same."""

from __future__ import annotations

import pytest

from policies import rules
from policies.prove import differences
from tests.unit.policies.killing import EQUIVALENT, SURVIVES, Killer, means_the_same
from tests.unit.policies.mutants import Mutant, mutants

STEP = 12
"""One mutant in so many here; all of them in the soak run."""


@pytest.fixture(scope="module")
def killer() -> Killer:
    return Killer()


@pytest.fixture(scope="module")
def everyone() -> tuple[Mutant, ...]:
    return tuple(mutants(rules.read()))


def test_every_rule_has_mutants_and_no_two_are_the_same(everyone):
    source = rules.read()

    assert {mutant.rule for mutant in everyone} == {s.id for s in source.statements}
    assert len({str(mutant) for mutant in everyone}) == len(everyone)


def test_no_mutant_of_a_sample_survives(killer, everyone):
    fates = {str(mutant): killer.fate(mutant) for mutant in everyone[::STEP]}

    assert [words for words, fate in fates.items() if fate == SURVIVES] == []


def test_what_no_case_knows_is_left_to_the_proofs(killer, everyone):
    scan = next(m for m in everyone if str(m) == "scan-stale: without download")

    assert killer.fate(scan).startswith("case ")
    assert Killer(cases=()).fate(scan) == "invariant I6"


def test_what_neither_case_nor_proof_knows_survives(everyone):
    vote = next(m for m in everyone if str(m) == "training-missing: without download")

    assert Killer(cases=()).fate(vote) == SURVIVES


def test_equivalence_is_proved_and_not_supposed():
    source = rules.read()
    dropped = next(m for m in mutants(source) if str(m) == "grant-revoked: dropped")
    same = Mutant("grant-revoked", "unchanged", source)

    assert not means_the_same(source, dropped)
    assert means_the_same(source, same)
    assert differences(source, same.source) == ()
    assert EQUIVALENT != SURVIVES
