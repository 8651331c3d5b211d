"""Every small mistake in every rule: none goes unnoticed."""

from __future__ import annotations

from collections import Counter

import pytest

from policies import rules
from policies.prove import differences
from tests.unit.policies.killing import EQUIVALENT, SURVIVES, Killer
from tests.unit.policies.mutants import mutants

WIDENED = {
    "permit-participate": ("work_task", "decide_application", "decide_export"),
    "permit-decide": (
        "apply",
        "download",
        "package",
        "submit_result",
        "fetch_export",
        "read_in_zone",
        "import_to_zone",
        "work_task",
    ),
    "permit-work": (
        "apply",
        "download",
        "package",
        "submit_result",
        "fetch_export",
        "read_in_zone",
        "import_to_zone",
        "decide_application",
        "decide_export",
    ),
}
SAME_MEANING = {f"{rule}: also for {act}" for rule, acts in WIDENED.items() for act in acts}
"""A permit for what another permit permits already: the solver proves that no answer changes."""


@pytest.mark.soak
def test_every_mutant_is_found_by_a_case_or_a_proof_or_means_the_same() -> None:
    killer, everyone = Killer(), {str(mutant): mutant for mutant in mutants(rules.read())}

    fates = {words: killer.fate(mutant) for words, mutant in everyone.items()}

    print(Counter(fate.split()[0] for fate in fates.values()))
    assert [words for words, fate in fates.items() if fate == SURVIVES] == []
    same = {words for words, fate in fates.items() if fate == EQUIVALENT}
    assert same == SAME_MEANING
    assert all(differences(rules.read(), everyone[words].source) == () for words in same)
