"""Whether rules may be put in force: they parse, fit the schema, and every refusal is explained."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import PurePath
from typing import Final

import cedarpy

from policies import agreements, rules
from policies.decision import Actor, Outcome
from policies.rules import RuleSource, Statement
from policies.terms import AgreementError

SHARED_CODE: Final = "FACT_MISSING"
"""The one code several rules carry: each names another unknown fact."""

ENGINE_CODES: Final = frozenset({"ENGINE_ERROR", "UNKNOWN_ACTION"})
"""Codes only the engine gives; a rule must not use them."""

REQUIRED: Final = ("id", "code", "ko", "en", "remedy_ko", "remedy_en", "actor", "source")
_KNOWN: Final = frozenset({*REQUIRED, "outcome"})
_KOREAN: Final = ("ko", "remedy_ko")
_ENGLISH: Final = ("en", "remedy_en")
_CODE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
_QUOTED = re.compile(r"`([^`]+)`")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_OUTCOMES = frozenset({Outcome.DENY, Outcome.REVIEW})


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where; ``line`` counts from 1, and is 0 where none can be named."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        """``file:line: message``, as editors and people read it."""
        return f"{self.file}:{self.line}: {self.message}"


class RuleError(Exception):
    """The rules cannot be put in force; ``problems`` says why, each with file and line."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def check(root: Traversable | None = None) -> tuple[Problem, ...]:
    """Everything wrong with the rule files of ``root`` (default: the package's own), and with
    the agreements that the package carries."""
    try:
        source = rules.read(root)
    except OSError as fault:
        name = PurePath(fault.filename or rules.SCHEMA_FILE).name
        return (Problem(name, 0, f"cannot be read: {fault.strerror}"),)
    return (*inspect(source), *agreement_problems())


def agreement_problems(root: Traversable | None = None) -> tuple[Problem, ...]:
    """What keeps the agreements under ``root`` (default: the package's own) from loading."""
    try:
        agreements.load(root)
    except AgreementError as fault:
        return (Problem(fault.file, 0, fault.reason),)
    return ()


def inspect(source: RuleSource) -> tuple[Problem, ...]:
    """Everything wrong with these rules; nothing means they may be put in force."""
    broken = tuple(_at(s, f"does not parse: {s.fault}") for s in source.statements if s.fault)
    return broken or tuple(_findings(source))


def _findings(source: RuleSource) -> Iterator[Problem]:
    if not source.statements:
        yield Problem(rules.SCHEMA_FILE, 0, "there is no rule at all")
    yield from _schema_problems(source)
    yield from _duplicates(source.statements)
    for statement in source.statements:
        yield from _scope_problems(statement)
        yield from _annotation_problems(statement)


def _schema_problems(source: RuleSource) -> Iterator[Problem]:
    # The validator numbers policies by their place in the text; one statement is one policy.
    text = "\n".join(statement.text for statement in source.statements)
    try:
        result = cedarpy.validate_policies(text, cedarpy.Schema.from_str(source.schema))
    except ValueError as fault:
        yield Problem(rules.SCHEMA_FILE, 0, f"the schema does not parse: {fault}")
        return
    for error in result.errors:
        yield _schema_problem(source, error.policy_id, error.error)


def _schema_problem(source: RuleSource, policy_id: str, message: str) -> Problem:
    position = policy_id.removeprefix("policy")
    if not position.isdecimal() or int(position) >= len(source.statements):
        return Problem(rules.SCHEMA_FILE, 0, message)
    statement = source.statements[int(position)]
    told = message.removeprefix(f"for policy `{policy_id}`, ")
    return Problem(statement.file, _mentioned(statement, told), f"does not fit the schema: {told}")


def _mentioned(statement: Statement, message: str) -> int:
    """The first line of the rule's scope or conditions that has a name the message quotes."""
    names = _QUOTED.findall(message)
    for line, text in enumerate(statement.text.splitlines(), statement.line):
        if not text.startswith("@") and any(name in text for name in names):
            return line
    return statement.line


def _duplicates(statements: tuple[Statement, ...]) -> Iterator[Problem]:
    for name in ("id", "code"):
        counts = Counter(s.annotations.get(name) for s in statements)
        for statement in statements:
            value = statement.annotations.get(name)
            shared = name == "code" and value == SHARED_CODE
            if value and not shared and counts[value] > 1:
                yield _at(statement, f"@{name} {value} is used more than once")


def _scope_problems(statement: Statement) -> Iterator[Problem]:
    # Proofs and rehearsals are about facts: a rule about one name would escape them.
    for name in ("principal", "resource"):
        scope = (statement.syntax or {})[name]
        if scope["op"] not in {"All", "is"} or "in" in scope:
            yield _at(statement, f"the {name} is bound to a name; rules go by facts only")


def _annotation_problems(statement: Statement) -> Iterator[Problem]:
    if not statement.id:
        yield _at(statement, "@id is missing")
    if statement.forbids:
        yield from (_at(statement, message) for message in _refusal_faults(statement))


def _refusal_faults(statement: Statement) -> Iterator[str]:
    words = statement.annotations
    missing = [name for name in REQUIRED if not (words.get(name) or "").strip()]
    yield from (f"@{name} is missing" for name in missing if name != "id")
    yield from (f"@{name} is not known" for name in sorted(words.keys() - _KNOWN))
    if missing:
        return
    yield from _value_faults(words["code"], words["actor"], words.get("outcome", Outcome.DENY))
    yield from (f"@{n} is not Korean" for n in _KOREAN if not _HANGUL.search(words[n]))
    yield from (f"@{n} is not English" for n in _ENGLISH if _HANGUL.search(words[n]))


def _value_faults(code: str, actor: str, outcome: str) -> Iterator[str]:
    if not _CODE.fullmatch(code) or code in ENGINE_CODES:
        yield f"@code {code} is not a code a rule may use"
    yield from _membership_fault("actor", actor, Actor)
    yield from _membership_fault("outcome", outcome, _OUTCOMES)


def _membership_fault(name: str, value: str, known: Iterable[str]) -> Iterator[str]:
    names = sorted(str(entry) for entry in known)
    if value not in names:
        yield f"@{name} {value} is not one of: {', '.join(names)}"


def _at(statement: Statement, message: str) -> Problem:
    return Problem(statement.file, statement.line, message)
