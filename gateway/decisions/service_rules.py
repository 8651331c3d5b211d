"""The rules in words, and what one release changed against another."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from sqlalchemy.orm import Session

from gateway.decisions.service_evaluation import unknown
from gateway.policy import service_releases
from gateway.policy.models import PolicyRelease
from policies import rules, scope
from policies.decision import Blocker, Outcome
from policies.engine import Engine
from policies.rules import Statement

_DIFF: Final = {"  ": "same", "+ ": "added", "- ": "removed"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One refusal as people read it. `actions` are those it concerns, `file` and `line` where it
    stands; with `outcome` review it makes a reviewer decide instead of refusing."""

    blocker: Blocker
    actions: tuple[str, ...]
    outcome: Outcome
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Group:
    """The refusals of one rule file, in its order. `name` is the file's."""

    name: str
    rules: tuple[Rule, ...]


class ChangeKind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """A rule, file or agreement that differs; `lines` are (same | added | removed, text)."""

    kind: ChangeKind
    name: str
    lines: tuple[tuple[str, str], ...]


@lru_cache(maxsize=4)
def in_words(engine: Engine) -> tuple[Group, ...]:
    """Every refusal of a release, by file."""
    concerned = scope.rules_by_action(engine.source)
    by_file: dict[str, list[Rule]] = {}
    for statement in engine.source.statements:
        if statement.forbids:
            by_file.setdefault(statement.file, []).append(_rule(statement, concerned))
    return tuple(Group(file, tuple(found)) for file, found in by_file.items())


def release(session: Session, sha256: str) -> PolicyRelease:
    """The release of a hash or of its first 8 digits or more. Raises Problem NOT_FOUND."""
    found = service_releases.by_hash(session, sha256)
    if found is None:
        raise unknown("정책 릴리스", "release of the rules")
    return found


def before(session: Session, current: PolicyRelease) -> PolicyRelease | None:
    """What a release is compared with: the one it replaced; for one that was never in force the
    one in force. None when there is neither."""
    if current.previous_id is not None:
        return session.get(PolicyRelease, current.previous_id)
    other = service_releases.in_force(session) if current.in_force_at is None else None
    return None if other is None or other.id == current.id else other


def changes(old: PolicyRelease, new: PolicyRelease) -> tuple[Change, ...]:
    """What `new` changed: rules one by one, then the schema, then agreements."""
    texts = _texts(old), _texts(new)
    agreements = _hashes(old), _hashes(new)
    return (*_differences(*texts), *_differences(*agreements))


def _rule(statement: Statement, concerned: Mapping[str, frozenset[str]]) -> Rule:
    actions = tuple(action for action, ids in concerned.items() if statement.id in ids)
    return Rule(
        rules.blocker(statement),
        actions,
        rules.outcome(statement),
        statement.file,
        statement.line,
    )


def _texts(one: PolicyRelease) -> dict[str, str]:
    source = rules.from_files(one.files)
    stated = {statement.id: statement.text for statement in source.statements}
    return stated | {rules.SCHEMA_FILE: source.schema}


def _hashes(one: PolicyRelease) -> dict[str, str]:
    return {name: str(digest) for name, digest in sorted(one.agreements.items())}


def _differences(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for name in [*new, *(gone for gone in old if gone not in new)]:
        if old.get(name) != new.get(name):
            lines = tuple(_lines(old.get(name, ""), new.get(name, "")))
            yield Change(_kind(name, old, new), name, lines)


def _kind(name: str, old: Mapping[str, str], new: Mapping[str, str]) -> ChangeKind:
    if name not in old:
        return ChangeKind.ADDED
    return ChangeKind.CHANGED if name in new else ChangeKind.REMOVED


def _lines(old: str, new: str) -> Iterator[tuple[str, str]]:
    for line in difflib.ndiff(old.splitlines(), new.splitlines()):
        if line[:2] in _DIFF:
            yield _DIFF[line[:2]], line[2:]
