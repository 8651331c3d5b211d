"""The rules against their plain-Python twin, over hundreds of thousands of facts."""

from __future__ import annotations

from random import Random

import pytest

from policies.engine import Engine
from policies.vocabulary import Action
from tests.unit.policies import oracle
from tests.unit.policies.randomfacts import random_facts

EACH = 20_000
"""For each of the ten actions."""


@pytest.mark.soak
@pytest.mark.parametrize("action", list(Action))
def test_engine_and_oracle_never_differ(action: Action) -> None:
    engine, random = Engine.load(), Random(f"soak {action}")

    for _ in range(EACH):
        facts = random_facts(random)
        decision = engine.decide(action, facts)
        assert (decision.outcome.value, set(decision.codes)) == oracle.answer(action, facts), facts
