"""Questions to put to the rules, and the engine as it would be without handles."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from random import Random

import cedarpy

from policies import encoding, rules
from policies.decision import Decision
from policies.engine import Engine
from policies.facts import Facts
from policies.vocabulary import Action
from tests.unit.policies.randomfacts import random_facts

Question = tuple[str, Facts]


def engine() -> Engine:
    """The product's engine over the product's rules."""
    return Engine(rules.read(), {})


class Reparsing(Engine):
    """The same rules, but policies, schema and entities go to Cedar as texts on every call."""

    @cached_property
    def _texts(self) -> tuple[str, dict[str, str]]:
        statements = self.source.statements
        names = {f"policy{place}": each.id for place, each in enumerate(statements)}
        return "\n".join(each.text for each in statements), names

    def _decide(self, action: str, facts: Facts) -> Decision:
        policies, names = self._texts
        still = encoding.still(facts)
        request = {
            "principal": {"type": encoding.PERSON, "id": still.subject.person_id},
            "action": {"type": encoding.ACTION, "id": action},
            "resource": {"type": encoding.DATASET, "id": still.target.dataset},
            "context": json.loads(encoding.context(facts)),
        }
        entities = encoding.entities(still)
        result = cedarpy.is_authorized(request, policies, entities, self.source.schema)
        found = result.diagnostics
        found.reasons[:] = [names[reason] for reason in found.reasons]
        blockers, outcome = self._judge(result)
        return Decision(action, outcome, blockers, self.release, "")


def reparsing() -> Reparsing:
    """The baseline."""
    return Reparsing(rules.read(), {})


def questions(count: int, people: int, seed: str) -> list[Question]:
    """Random questions of so many people over every action, half of them flawless or nearly so.

    One person's facts are the same each time; clock and size differ with every question.
    """
    random = Random(seed)
    actions = [str(action) for action in Action]
    asked = [(random.choice(actions), _person(random, number)) for number in range(people)]
    return [_later(*asked[number % people], number) for number in range(count)]


def _person(random: Random, number: int) -> Facts:
    facts = random_facts(random)
    return replace(facts, subject=replace(facts.subject, person_id=f"person-{number}"))


def _later(action: str, facts: Facts, number: int) -> Question:
    moment = max(0, min(facts.now_ms, 2**62)) + number
    return action, replace(facts, now_ms=moment, request_bytes=number)


def per_second(ask: Callable[[str, Facts], object], asked: Sequence[Question]) -> float:
    """Questions answered in a second of processor time."""
    started = time.process_time()
    for action, facts in asked:
        ask(action, facts)
    return len(asked) / (time.process_time() - started)


def p99_ms(ask: Callable[[str, Facts], object], asked: Iterable[Question]) -> float:
    """The 99th percentile of one answer, in milliseconds of processor time."""
    took = []
    for action, facts in asked:
        started = time.process_time_ns()
        ask(action, facts)
        took.append(time.process_time_ns() - started)
    return sorted(took)[int(len(took) * 0.99)] / 1e6
