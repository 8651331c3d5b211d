"""Cases as data: facts, an action, and the exact answer that the rules must give.

A file of cases is a list of ``[[case]]`` tables with ``name``, ``baseline``, ``action`` (or a list
of actions with the same answer), ``given`` (fact = value, like ``"standing.grant" = "revoked"``),
``unknown`` (facts that are ``None``), ``outcome`` and ``codes``. ``baselines.toml`` beside them
holds whole sets of facts by name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

from policies.decision import Decision, Outcome
from policies.engine import Engine
from policies.facts import Facts
from policies.facttable import FactError, facts_from

BASELINES_FILE: Final = "baselines.toml"
CASE_SUFFIX: Final = ".toml"
_REQUIRED: Final = frozenset({"name", "baseline", "action", "outcome", "codes"})
_KNOWN: Final = _REQUIRED | {"given", "unknown"}


class CaseError(Exception):
    """A file of cases is not what it should be; the message names the file and the case."""


@dataclass(frozen=True, slots=True)
class Case:
    """One question with its expected answer: the outcome and exactly this set of codes."""

    file: str
    name: str
    action: str
    facts: Facts
    outcome: Outcome
    codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What the engine answered."""

    case: Case
    decision: Decision

    @property
    def passed(self) -> bool:
        """Whether outcome and set of codes are both as expected."""
        answer = (self.decision.outcome, frozenset(self.decision.codes))
        return answer == (self.case.outcome, self.case.codes)

    def __str__(self) -> str:
        """Where the case stands, what it expects and what came instead."""
        expected = _answer(self.case.outcome, self.case.codes)
        came = _answer(self.decision.outcome, self.decision.codes)
        return f"{self.case.file}: {self.case.name}: expected {expected}; came {came}"


@dataclass(frozen=True, slots=True)
class CaseReport:
    """All results, in the order of files and cases."""

    results: tuple[CaseResult, ...]

    @property
    def failures(self) -> tuple[CaseResult, ...]:
        """The cases that were answered otherwise than expected."""
        return tuple(result for result in self.results if not result.passed)

    @property
    def passed(self) -> bool:
        """Whether there was at least one case and every one was answered as expected."""
        return bool(self.results) and not self.failures


def _answer(outcome: Outcome, codes: Iterable[str]) -> str:
    return " ".join((str(outcome), *sorted(codes)))


def default_root() -> Traversable:
    """The folder of cases that this package carries."""
    return files("policies") / "cases"


def run_cases(engine: Engine | None = None, root: Traversable | None = None) -> CaseReport:
    """Put every case under ``root`` to the engine (defaults: the package's own).

    Raises CaseError for a malformed file, check.RuleError when the rules cannot be loaded.
    """
    decider = engine or Engine.load()
    cases = load_cases(root)
    return CaseReport(tuple(CaseResult(c, decider.decide(c.action, c.facts)) for c in cases))


def load_cases(root: Traversable | None = None) -> tuple[Case, ...]:
    """Read every case under ``root``. Raises CaseError naming file and case."""
    folder = root or default_root()
    baselines = _toml(folder, BASELINES_FILE)
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(CASE_SUFFIX))
    found = [c for n in names if n != BASELINES_FILE for c in _cases(folder, n, baselines)]
    _check_unique(found)
    return tuple(found)


def _check_unique(cases: list[Case]) -> None:
    seen: set[str] = set()
    for case in cases:
        if case.name in seen:
            raise CaseError(f"{case.file}: the name {case.name!r} is used more than once")
        seen.add(case.name)


def _toml(folder: Traversable, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads((folder / name).read_text(encoding="utf-8"))
    except OSError as fault:
        raise CaseError(f"{name}: cannot be read: {fault}") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise CaseError(f"{name}: is not TOML: {fault}") from fault


def _cases(folder: Traversable, file: str, baselines: Mapping[str, Any]) -> Iterator[Case]:
    document = _toml(folder, file)
    tables = document.get("case")
    if document.keys() != {"case"} or not isinstance(tables, list):
        raise CaseError(f"{file}: holds [[case]] tables and nothing else")
    for number, table in enumerate(tables, start=1):
        yield from _table(file, f"case {number}", table, baselines)


def _table(file: str, place: str, table: Any, baselines: Mapping[str, Any]) -> Iterator[Case]:
    """One case, or one for each action of a list, each with its action in the name."""
    where = f"{file}: {table['name'] if _named(table) else place}"
    _check_shape(where, table, baselines)
    try:
        facts = facts_from(
            baselines[table["baseline"]], table.get("given", {}), table.get("unknown", [])
        )
    except FactError as fault:
        raise CaseError(f"{where}: {fault}") from fault
    name, action = table["name"], table["action"]
    answer = Outcome(table["outcome"]), frozenset(table["codes"])
    if isinstance(action, str):
        yield Case(file, name, action, facts, *answer)
    else:
        yield from (Case(file, f"{name}: {each}", each, facts, *answer) for each in action)


def _named(table: Any) -> bool:
    return isinstance(table, dict) and isinstance(table.get("name"), str)


def _check_shape(where: str, table: Any, baselines: Mapping[str, Any]) -> None:
    if not isinstance(table, dict) or not _REQUIRED <= table.keys() <= _KNOWN:
        raise CaseError(f"{where}: a case has {', '.join(sorted(_REQUIRED))}; given and unknown")
    if not all(isinstance(table[key], str) for key in _REQUIRED - {"codes", "action"}):
        raise CaseError(f"{where}: name, baseline and outcome are texts")
    if not (isinstance(table["action"], str) or (table["action"] and _is_texts(table["action"]))):
        raise CaseError(f"{where}: action is a text or a list of texts")
    if not _is_texts(table["codes"]) or not _is_texts(table.get("unknown", [])):
        raise CaseError(f"{where}: codes and unknown are lists of texts")
    if not isinstance(table.get("given", {}), dict):
        raise CaseError(f"{where}: given is a table of facts")
    if table["outcome"] not in [str(outcome) for outcome in Outcome]:
        raise CaseError(f"{where}: outcome {table['outcome']!r} is not known")
    if table["baseline"] not in baselines:
        raise CaseError(f"{where}: baseline {table['baseline']!r} is not in {BASELINES_FILE}")


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
