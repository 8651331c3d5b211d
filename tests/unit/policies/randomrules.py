"""Random conditions in Cedar's JSON form over everything that a rule may read."""

from __future__ import annotations

from random import Random
from typing import Any

from policies.rules import Statement
from policies.space import INT_MAX, INT_MIN, Field, Kind, Path, fields
from policies.vocabulary import Action
from tests.unit.policies.randomfacts import NOW

Node = dict[str, Any]

ORDERS = ("<", "<=", ">", ">=", "==", "!=")
NUMBERS = (0, 1, -1, 1000, NOW, INT_MAX, INT_MIN)
_KNOWN = {p: f for p, f in fields().items() if f.kind not in {Kind.TEXT, Kind.RECORD}}


def random_rule(random: Random, name: str) -> Statement:
    """A forbid of one or two conditions for every action."""
    kinds = random.choice((("when",), ("unless",), ("when", "unless")))
    syntax = {
        "effect": "forbid",
        "principal": {"op": "All"},
        "action": {"op": "All"},
        "resource": {"op": "All"},
        "conditions": [{"kind": kind, "body": _truth(random, 3)} for kind in kinds],
        "annotations": {"id": name},
    }
    return Statement("random.cedar", 1, "", syntax, "")


def _truth(random: Random, depth: int) -> Node:
    if depth == 0 or random.random() < 0.15:
        return _leaf(random)
    operator = random.choice(("&&", "||", "&&", "||", "!"))
    if operator == "!":
        return {"!": {"arg": _truth(random, depth - 1)}}
    return {operator: {"left": _truth(random, depth - 1), "right": _truth(random, depth - 1)}}


def _leaf(random: Random) -> Node:
    if random.random() < 0.05:
        entity = {"__entity": {"type": "Action", "id": str(random.choice(list(Action)))}}
        same = {"left": {"Var": "action"}, "right": {"Value": entity}}
        return {random.choice(("==", "!=")): same}
    if random.random() < 0.35:
        return _comparison(random)
    field = random.choice(list(_KNOWN.values()))
    return _guarded(field.path, _about(random, field))


def _about(random: Random, field: Field) -> Node:
    """Something true or false that an attribute decides."""
    value = access(field.path)
    if field.kind is Kind.BOOL:
        return value
    if field.kind is Kind.INT:
        return {random.choice(ORDERS): {"left": value, "right": _number(random, 1)}}
    if field.kind is Kind.SET:
        return _of_set(random, field, value)
    texts = _texts(random, field)
    if random.random() < 0.5:
        return {random.choice(("==", "!=")): {"left": value, "right": texts[0]}}
    return {"contains": {"left": {"Set": texts}, "right": value}}


def _of_set(random: Random, field: Field, value: Node) -> Node:
    texts = _texts(random, field)
    if random.random() < 0.5:
        return {"contains": {"left": value, "right": texts[0]}}
    return {"containsAny": {"left": value, "right": {"Set": texts}}}


def _texts(random: Random, field: Field) -> list[Node]:
    members = (*field.members, "no-such-member")
    return [{"Value": member} for member in random.sample(members, random.choice((1, 2)))]


def _comparison(random: Random) -> Node:
    sides = {"left": _number(random, 2), "right": _number(random, 2)}
    return {random.choice(ORDERS): sides}


def _number(random: Random, depth: int) -> Node:
    if depth == 0 or random.random() < 0.4:
        always = [f.path for f in _KNOWN.values() if f.kind is Kind.INT and not _guards(f.path)]
        attribute = access(random.choice(always))
        return random.choice((attribute, {"Value": random.choice(NUMBERS)}))
    sides = {"left": _number(random, depth - 1), "right": _number(random, depth - 1)}
    return {random.choice(("+", "-")): sides}


def access(path: Path) -> Node:
    """How Cedar reads an attribute."""
    node: Node = {"Var": path[0]}
    for name in path[1:]:
        node = {".": {"left": node, "attr": name}}
    return node


def _guards(path: Path) -> list[Path]:
    """The parts of a path that may be unknown, outermost first."""
    parts = (path[:end] for end in range(2, len(path) + 1))
    return [part for part in parts if part in fields() and fields()[part].optional]


def _guarded(path: Path, node: Node) -> Node:
    for part in reversed(_guards(path)):
        has = {"has": {"left": access(part[:-1]), "attr": part[-1]}}
        node = {"&&": {"left": has, "right": node}}
    return node
