"""Rules with one small mistake each, made on their Cedar JSON form, to see whether tests notice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from policies.rules import RuleSource, Statement
from policies.scope import rules_by_action
from policies.vocabulary import Action

Node = Mapping[str, Any]
Change = tuple[str, Any]
"""What was done, in words, and the whole with it done."""

ORDERS = ("<", "<=", ">", ">=")
SWAPPED = {"&&": "||", "||": "&&", "==": "!=", "!=": "==", "+": "-", "-": "+"}
ATOMS = {".", "has", "contains", "containsAny"}
FOREIGN = "no-such-state"


@dataclass(frozen=True, slots=True)
class Mutant:
    """The rules with ``change`` made to ``rule``."""

    rule: str
    change: str
    source: RuleSource

    def __str__(self) -> str:
        """For lists of survivors."""
        return f"{self.rule}: {self.change}"


def mutants(source: RuleSource) -> Iterator[Mutant]:
    """Every rule dropped, and every single change to its scope and conditions."""
    scopes = rules_by_action(source)
    for place, statement in enumerate(source.statements):
        yield Mutant(statement.id, "dropped", source.without(statement.id))
        covered = {action for action, ids in scopes.items() if statement.id in ids}
        for words, syntax in _changes(statement.syntax or {}, covered):
            yield Mutant(statement.id, words, _with(source, place, syntax))


def _with(source: RuleSource, place: int, syntax: Node) -> RuleSource:
    statements: list[Statement] = list(source.statements)
    statements[place] = replace(statements[place], syntax=syntax)
    return RuleSource(tuple(statements), source.schema)


def _changes(syntax: Node, covered: set[str]) -> Iterator[Change]:
    for words, scope in _scopes(covered):
        yield words, {**syntax, "action": scope}
    conditions = syntax["conditions"]
    for place in range(len(conditions)):
        for words, condition in _conditions(conditions[place]):
            changed = [*conditions[:place], *condition, *conditions[place + 1 :]]
            yield f"condition {place + 1}: {words}", {**syntax, "conditions": changed}


def _scopes(covered: set[str]) -> Iterator[Change]:
    for action in map(str, Action):
        others = covered ^ {action}
        if others:
            words = "without" if action in covered else "also for"
            entities = [{"type": "Action", "id": name} for name in sorted(others)]
            yield f"{words} {action}", {"op": "in", "entities": entities}


def _conditions(condition: Node) -> Iterator[tuple[str, list[Node]]]:
    yield "dropped", []
    other = "unless" if condition["kind"] == "when" else "when"
    yield f"{condition['kind']} for {other}", [{**condition, "kind": other}]
    for words, body in _truths(condition["body"]):
        yield words, [{**condition, "body": body}]


def _truths(node: Node) -> Iterator[Change]:
    """Every change to an expression that is true or false."""
    ((operator, operands),) = node.items()
    yield from _here(operator, operands)
    if operator in ATOMS:
        yield f"not {_brief(node)}", {"!": {"arg": node}}
    if operator in {"&&", "||"}:
        for side in ("left", "right"):
            for words, changed in _truths(operands[side]):
                yield words, {operator: {**operands, side: changed}}
    if operator == "!":
        for words, changed in _truths(operands["arg"]):
            yield words, {operator: {"arg": changed}}


def _here(operator: str, operands: Any) -> Iterator[Change]:
    if operator in {"&&", "||"}:
        whole = _brief({operator: operands})
        yield f"{SWAPPED[operator]} in {whole}", {SWAPPED[operator]: operands}
        yield f"only {_brief(operands['left'])}", operands["left"]
        yield f"only {_brief(operands['right'])}", operands["right"]
    elif operator == "!":
        yield f"without not before {_brief(operands['arg'])}", operands["arg"]
    elif operator == "has":
        yield f"without has {operands['attr']}", {"Value": True}
    elif operator in {"contains", "containsAny"}:
        yield from _members(operator, operands)
    elif operator != ".":
        yield from _comparisons(operator, operands)


def _members(operator: str, operands: Node) -> Iterator[Change]:
    side = "left" if operator == "contains" else "right"
    if "Set" in operands[side]:
        members = operands[side]["Set"]
        for place, member in enumerate(members):
            rest = {"Set": members[:place] + members[place + 1 :]}
            yield f"without member {member['Value']}", {operator: {**operands, side: rest}}
    elif "Value" in operands["right"]:
        yield f"without {_brief({operator: operands})}", {"Value": False}


def _comparisons(operator: str, operands: Node) -> Iterator[Change]:
    whole = _brief({operator: operands})
    others = ORDERS if operator in ORDERS else (SWAPPED[operator],)
    for other in others:
        if other != operator:
            yield f"{other} in {whole}", {other: operands}
    if operator in ORDERS:
        for words, moved in _numbers(operands["right"]):
            yield f"{words} in {whole}", {operator: {**operands, "right": moved}}
    elif isinstance(operands["right"].get("Value"), str):
        foreign = {**operands, "right": {"Value": FOREIGN}}
        yield f"{FOREIGN} in {whole}", {operator: foreign}


def _numbers(node: Node) -> Iterator[Change]:
    """The bound moved by one up and down, and its arithmetic turned round."""
    ((operator, operands),) = node.items()
    for step in (1, -1):
        if operator == "Value":
            moved: Any = {"Value": operands + step}
        else:
            moved = {"+": {"left": node, "right": {"Value": step}}}
        yield f"{_brief(node)} moved by {step:+}", moved
    if operator in {"+", "-"}:
        yield f"{SWAPPED[operator]} for {_brief(node)}", {SWAPPED[operator]: operands}


def _brief(node: Node) -> str:
    """An expression in a few words."""
    ((operator, operands),) = node.items()
    match operator:
        case "Value" | "Var":
            return str(operands)
        case "." | "has":
            return f"{'has ' if operator == 'has' else ''}{operands['attr']}"
        case "!":
            return f"not {_brief(operands['arg'])}"
        case "Set":
            return "[…]"
        case _:
            return f"{_brief(operands['left'])} {operator} {_brief(operands['right'])}"
