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
from policies.engine import Engine

KEPT: Final = 4
_engines: dict[str, Engine] = {}


@lru_cache(maxsize=1)
def program_engine() -> Engine:
    """The engine over the rules that the program carries."""
    return Engine.load()


def engine_for(db: Database, sha256: str | None) -> Engine:
    """The engine of a release; before any is on record, the program's own.

    Raises OperatorError when the record does not have the hash it goes by: someone changed it.
    """
    if sha256 is None or sha256 == program_engine().release:
        return program_engine()
    known = _engines.get(sha256)
    return known or _remember(sha256, _load(db, sha256))


def _remember(sha256: str, engine: Engine) -> Engine:
    while len(_engines) >= KEPT:
        _engines.pop(next(iter(_engines)), None)
    _engines[sha256] = engine
    return engine


def _load(db: Database, sha256: str) -> Engine:
    with db.read() as session:
        row = session.scalar(select(PolicyRelease).where(PolicyRelease.sha256 == sha256))
        if row is None:
            raise OperatorError(f"there is no policy release {sha256}")
        engine = Engine(rules.from_files(row.files), row.agreements)
    if engine.release != sha256:
        raise OperatorError(f"policy release {sha256}: the record was changed; restore a backup")
    return engine


def in_force(db: Database) -> Engine:
    """The engine that decides now. Raises OperatorError as `engine_for`."""
    with db.read() as session:
        return engine_for(db, session.scalar(_in_force(PolicyRelease.sha256)))


def texts_in_force(db: Database) -> dict[str, str]:
    """The rule files and the schema that decide now, by name."""
    with db.read() as session:
        row = session.scalar(_in_force(PolicyRelease))
        return rules.texts() if row is None else dict(row.files)


def _in_force(what: Any) -> Any:
    return select(what).where(PolicyRelease.state == ReleaseState.IN_FORCE)
