"""Engines by the hash of their release, so that every process follows the release in force.

The hash that a request reads together with its facts names the rules that decide it; a process
that does not know them yet reads them once from the record.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from sqlalchemy import select

from gateway.db import Database
from gateway.errors import OperatorError
from gateway.policy.models import PolicyRelease, ReleaseState
from policies import rules
from policies.check import RuleError
from policies.engine import Engine, release_hash
from policies.rules import RuleSource

KEPT: Final = 4
_engines: dict[str, Engine] = {}


class ReleaseBroken(OperatorError):
    """A release whose record is not what was registered, or not fit for this program: nothing is
    decided by it. The message names the release."""


@lru_cache(maxsize=1)
def program_engine() -> Engine:
    """The engine over the rules that the program carries."""
    return Engine.load()


def engine_for(db: Database, sha256: str | None) -> Engine:
    """The engine of a release; before any is on record, the program's own.

    Raises ReleaseBroken when there is no record, or when it does not have the hash it goes by.
    """
    if sha256 is None or sha256 == program_engine().release:
        return program_engine()
    known = _engines.get(sha256)
    return known or _remember(sha256, _load(db, sha256))


def engine_of(row: PolicyRelease) -> Engine:
    """The engine of a record. Raises ReleaseBroken as `engine_for`."""
    try:
        return Engine(source_of(row), row.agreements)
    except RuleError as error:
        raise ReleaseBroken(
            f"policy release {row.sha256} cannot be used with this program: {error}"
        ) from error


def source_of(row: PolicyRelease) -> RuleSource:
    """The rules of a record that has the hash it goes by. Raises ReleaseBroken otherwise."""
    try:
        source = rules.from_files(row.files)
        found = release_hash(source, row.agreements)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _changed(row) from error
    if found != row.sha256:
        raise _changed(row)
    return source


def in_force(db: Database) -> Engine:
    """The engine that decides now. Raises ReleaseBroken as `engine_for`."""
    with db.read() as session:
        return engine_for(db, session.scalar(_in_force(PolicyRelease.sha256)))


def texts_in_force(db: Database) -> dict[str, str]:
    """The rule files and the schema that decide now, by name. Raises ReleaseBroken."""
    with db.read() as session:
        row = session.scalar(_in_force(PolicyRelease))
        if row is None:
            return rules.texts()
        source_of(row)
        return dict(row.files)


def _changed(row: PolicyRelease) -> ReleaseBroken:
    return ReleaseBroken(
        f"policy release {row.sha256}: the record was changed; restore a backup of the database"
    )


def _remember(sha256: str, engine: Engine) -> Engine:
    while len(_engines) >= KEPT:
        _engines.pop(next(iter(_engines)), None)
    _engines[sha256] = engine
    return engine


def _load(db: Database, sha256: str) -> Engine:
    with db.read() as session:
        row = session.scalar(select(PolicyRelease).where(PolicyRelease.sha256 == sha256))
    if row is None:
        raise ReleaseBroken(f"there is no policy release {sha256}")
    return engine_of(row)


def _in_force(what: Any) -> Any:
    return select(what).where(PolicyRelease.state == ReleaseState.IN_FORCE)
