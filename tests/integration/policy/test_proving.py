"""No way into force without a proof of this very program, on both databases."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest
import z3

from gateway.errors import OperatorError, Problem, ProblemCode
from gateway.policy import proving
from gateway.policy import service_releases as releases
from gateway.policy.loading import ReleaseBroken
from gateway.policy.models import PolicyRelease, ReleaseState
from gateway.policy.proving import ReleaseRefused
from gateway.runtime import Runtime
from policies import agreements, invariants, rules
from policies.prove import Invariant
from policies.vocabulary import Action
from tests.integration.policy.test_releases import closed
from tests.integration.policy.writing import (
    OPERATOR,
    deciding,
    enforced,
    row_of,
    started,
    tampered,
    unsafe,
    worded,
    written,
)

NOTHING_LEAVES = Invariant(
    "N1",
    "아무것도 내려받지 못합니다.",
    "Nothing is ever downloaded.",
    frozenset({Action.DOWNLOAD}),
    lambda _formulas: z3.BoolVal(True),
)
"""Holds where the house is closed, and not of the program's own rules."""


def upgraded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a newer program ran, which asks for one more invariant."""
    monkeypatch.setattr(invariants, "INVARIANTS", (*invariants.INVARIANTS, NOTHING_LEAVES))
    monkeypatch.setattr(proving, "library", lambda: "of the newer program")


def test_a_draft_that_nobody_proved_does_not_come_into_force(runtime: Runtime):
    first = started(runtime)
    sha256 = written(runtime, unsafe(), ReleaseState.DRAFT)

    with pytest.raises(ReleaseRefused, match=f"{sha256}.*I4 is broken"):
        releases.put_in_force(runtime, OPERATOR, sha256)

    assert deciding(runtime) == first
    assert row_of(runtime, sha256).proofs == {}


def test_a_start_refuses_rules_in_force_that_break_an_invariant(runtime: Runtime):
    sha256 = written(runtime, unsafe(), ReleaseState.IN_FORCE)

    with pytest.raises(OperatorError, match=f"{sha256}.*I4 is broken.*release rollback"):
        started(runtime)


def test_nothing_is_rolled_back_to_that_breaks_an_invariant(runtime: Runtime):
    sha256 = written(runtime, unsafe(), ReleaseState.IN_FORCE)
    safe = releases.propose(runtime, OPERATOR, worded("Safe.")).sha256
    releases.put_in_force(runtime, OPERATOR, safe)

    with pytest.raises(ReleaseRefused, match=f"{sha256}.*I4 is broken"):
        releases.roll_back(runtime, OPERATOR)

    assert deciding(runtime) == safe


def test_drafts_of_an_earlier_program_are_proved_against_what_this_one_asks_for(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
):
    draft = releases.propose(runtime, OPERATOR, worded("Earlier.")).sha256
    upgraded(monkeypatch)

    with pytest.raises(ReleaseRefused, match=f"{draft}.*N1 is broken"):
        releases.put_in_force(runtime, OPERATOR, draft)


def test_a_roll_back_to_an_earlier_program_s_rules_is_proved_as_well(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
):
    first = started(runtime)
    sha256 = releases.propose(runtime, OPERATOR, closed()).sha256
    releases.put_in_force(runtime, OPERATOR, sha256)
    upgraded(monkeypatch)

    with pytest.raises(ReleaseRefused, match=f"{first}.*N1 is broken"):
        releases.roll_back(runtime, OPERATOR)

    assert deciding(runtime) == sha256


def test_a_start_of_a_newer_program_proves_the_rules_in_force_once_and_says_so(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
):
    started(runtime)
    sha256 = releases.propose(runtime, OPERATOR, closed()).sha256
    releases.put_in_force(runtime, OPERATOR, sha256)
    upgraded(monkeypatch)

    started(runtime)
    monkeypatch.setattr(releases, "vetted", not_again)
    started(runtime)

    proofs = row_of(runtime, sha256).proofs
    assert (proofs["N1"]["holds"], proofs["N1"]["by"]) == (True, "of the newer program")


def not_again(_row: PolicyRelease) -> NoReturn:
    raise AssertionError("what this program has proved is proved again")


def test_a_newer_program_does_not_start_on_rules_that_break_what_it_asks_for(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
):
    started(runtime)
    sha256 = enforced(runtime, "Earlier.")
    upgraded(monkeypatch)

    with pytest.raises(OperatorError, match=f"{sha256}.*N1 is broken"):
        started(runtime)


def test_proofs_name_the_library_that_made_them(runtime: Runtime):
    sha256 = started(runtime)

    proofs = row_of(runtime, sha256).proofs

    assert {proof["by"] for proof in proofs.values()} == {proving.library()}
    assert set(proofs) == {each.id for each in invariants.INVARIANTS}


UNPROVED: list[Any] = [{}, [], {"I1": "holds"}, {"I1": {"holds": True, "by": "another"}}]


@pytest.mark.parametrize("proofs", UNPROVED)
def test_proofs_that_are_not_this_library_s_are_made_anew(runtime: Runtime, proofs: Any):
    sha256 = started(runtime)
    tampered(runtime, sha256, proofs=proofs)

    started(runtime)

    assert proving.is_proved(row_of(runtime, sha256))


CHANGED: list[dict[str, Any]] = [
    {"files": unsafe()},
    {"files": {}},
    {"files": []},
    {"files": worded("Altered.") | {"10-person.cedar": 7}},
    {"files": worded("Altered.") | {rules.SCHEMA_FILE: "entity"}},
    {"files": worded("Altered.") | {"10-person.cedar": "forbid (principal"}},
    {"agreements": dict.fromkeys(agreements.hashes(), "0" * 64)},
    {"agreements": None},
]


@pytest.mark.parametrize("change", CHANGED)
def test_a_start_refuses_a_release_in_force_that_has_not_the_hash_it_goes_by(
    runtime: Runtime, change: dict[str, Any]
):
    started(runtime)
    sha256 = enforced(runtime, "Own.")
    tampered(runtime, sha256, **change)

    with pytest.raises(ReleaseBroken, match=f"{sha256}: the record was changed; restore a backup"):
        started(runtime)


def test_not_even_a_newer_program_passes_over_a_changed_record(runtime: Runtime):
    sha256 = started(runtime)
    tampered(runtime, sha256, files=unsafe())

    with pytest.raises(ReleaseBroken, match=sha256):
        started(runtime, "Newer.")

    assert deciding(runtime) == sha256


def test_from_a_changed_record_an_operator_goes_back(runtime: Runtime):
    first = started(runtime)
    tampered(runtime, enforced(runtime, "Own."), files=unsafe())

    releases.roll_back(runtime, OPERATOR)
    started(runtime)

    assert deciding(runtime) == first


def test_a_changed_draft_does_not_come_into_force(runtime: Runtime):
    first = started(runtime)
    draft = releases.propose(runtime, OPERATOR, worded("Own.")).sha256
    tampered(runtime, draft, files=unsafe())

    with pytest.raises(ReleaseRefused, match=f"{draft}: the record was changed"):
        releases.put_in_force(runtime, OPERATOR, draft)

    assert deciding(runtime) == first


def test_what_changes_while_it_is_proved_does_not_come_into_force(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
):
    first = started(runtime)
    draft = releases.propose(runtime, OPERATOR, worded("Own.")).sha256

    def proved_then_changed(row: PolicyRelease) -> dict[str, Any]:
        proofs = proving.vetted(row)
        tampered(runtime, draft, files=unsafe())
        return proofs

    monkeypatch.setattr(releases, "vetted", proved_then_changed)
    with pytest.raises(Problem) as caught:
        releases.put_in_force(runtime, OPERATOR, draft)

    assert (caught.value.code, deciding(runtime)) == (ProblemCode.CONFLICT, first)


def test_whoever_proves_longer_than_another_takes_to_put_in_force_is_told(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
):
    started(runtime)
    one = releases.propose(runtime, OPERATOR, worded("One.")).sha256
    other = releases.propose(runtime, OPERATOR, worded("Other.")).sha256

    def proved_late(row: PolicyRelease) -> dict[str, Any]:
        monkeypatch.setattr(releases, "vetted", proving.vetted)
        releases.put_in_force(runtime, OPERATOR, other)
        return proving.vetted(row)

    monkeypatch.setattr(releases, "vetted", proved_late)
    with pytest.raises(Problem) as caught:
        releases.put_in_force(runtime, OPERATOR, one)

    assert (caught.value.code, deciding(runtime)) == (ProblemCode.CONFLICT, other)
