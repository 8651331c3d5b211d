"""Conditions of a visa: other visas that must be held with it (Passport 1.2, "conditions").

Disjunctive normal form: one group of the outer list must hold, every clause of a group must. What
is malformed, empty or unknown matches nothing, so a visa with conditions that nobody here
understands is worth nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, Protocol

from gateway.identity.passports.vocabulary import LONGEST_FIELD, MOST_CLAUSES


class Fields(Protocol):
    """What a clause may look at. `by` is "" where the visa does not say."""

    @property
    def type(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def by(self) -> str: ...


class Match(StrEnum):
    """How a clause compares."""

    CONST = "const"
    PATTERN = "pattern"
    SPLIT_PATTERN = "split_pattern"


# Neither times nor conditions may be asked for.
ASKABLE = frozenset({"value", "source", "by"})


def met(conditions: Any, held: Iterable[Fields]) -> bool:
    """Whether one group of `conditions` holds among `held`: visas without conditions of their own
    that were believed."""
    if not isinstance(conditions, list) or _clauses(conditions) > MOST_CLAUSES:
        return False
    visas = list(held)
    return any(_group(group, visas) for group in conditions)


def _clauses(groups: Sequence[Any]) -> int:
    return sum(len(group) if isinstance(group, list) else 1 for group in groups)


def _group(group: Any, visas: Sequence[Fields]) -> bool:
    if not isinstance(group, list) or not group:
        return False
    return all(any(_clause(clause, visa) for visa in visas) for clause in group)


def _clause(clause: Any, visa: Fields) -> bool:
    """Whether one visa alone fulfils all that a clause asks."""
    if not isinstance(clause, dict) or clause.get("type") != visa.type:
        return False
    asked = {name: wanted for name, wanted in clause.items() if name != "type"}
    if not asked or not asked.keys() <= ASKABLE:
        return False
    return all(_field(wanted, getattr(visa, name)) for name, wanted in asked.items())


def _field(wanted: Any, given: str) -> bool:
    if not isinstance(wanted, str) or len(wanted) > LONGEST_FIELD or not given:
        return False
    how, colon, text = wanted.partition(":")
    if not colon:
        return False
    match how:
        case Match.CONST:
            return text == given
        case Match.PATTERN:
            return fits(text, given)
        case Match.SPLIT_PATTERN:
            return any(fits(text, part) for part in given.split(";"))
    return False


def fits(pattern: str, text: str) -> bool:
    """Whether all of `text` fits: `?` is any one character, `*` any number; nothing escapes them.

    Takes len(pattern) × len(text) steps at most, whatever the pattern.
    """
    at = asked = 0
    star, kept = -1, 0
    while at < len(text):
        if asked < len(pattern) and pattern[asked] == "*":
            star, kept = asked, at
            asked += 1
        elif asked < len(pattern) and pattern[asked] in ("?", text[at]):
            at, asked = at + 1, asked + 1
        elif star >= 0:
            kept += 1
            at, asked = kept, star + 1
        else:
            return False
    return not pattern[asked:].strip("*")
