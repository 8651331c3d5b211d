"""Past decisions as columns, kept in blocks of the log that never change once they are full.

Each block covers a fixed range of indexes and is a file of its own under the home, derived and
rebuildable; only the last block, which still grows, is read from the log again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from audit.errors import LeafMalformed
from audit.leaf import decode
from audit.reader import LogReader
from audit.search import MAX_LIMIT, Filters
from gateway.evidence.reading import snapshot
from gateway.policy.recording import recall_all
from gateway.runtime import Runtime
from policies.columns import Table, table
from policies.facttable import FactError, facts_from
from policies.replay import OUTCOMES
from policies.space import Path as FactPath
from policies.space import fields
from policies.vocabulary import Action

BLOCK: Final = 1 << 16
"""Entries of the log for each file."""

_OWN: Final = ("index", "action", "outcome", "release", "facts")
_ACTIONS: Final = tuple(map(str, Action))
_MOVING: Final[dict[str, FactPath]] = {
    "now_ms": ("context", "now_ms"),
    "request_bytes": ("context", "request_bytes"),
    "used_bytes": ("context", "used_bytes"),
}


@dataclass(frozen=True, slots=True)
class Past:
    """Decisions with kept facts, one row each, by index: what was asked and what was answered.

    `action` counts in `policies.vocabulary.Action`, `outcome` in `policies.replay.OUTCOMES`;
    `release` and `facts` are the hex digests of rules and facts.
    """

    index: npt.NDArray[np.int64]
    action: npt.NDArray[np.int16]
    outcome: npt.NDArray[np.uint8]
    release: npt.NDArray[np.str_]
    facts: npt.NDArray[np.str_]
    rows: Table

    def of(self, action: Action) -> npt.NDArray[np.intp]:
        """The rows that asked for this action."""
        return np.flatnonzero(self.action == _ACTIONS.index(str(action)))


@dataclass(frozen=True, slots=True)
class _Question:
    index: int
    action: int
    outcome: int
    release: str
    facts: str
    moving: tuple[int, ...]


def blocks(runtime: Runtime, last: int) -> Iterator[Past]:
    """The blocks that hold the newest `last` entries of the log, the newest block first."""
    with snapshot(runtime, main=True) as (_sql, reader):
        head = reader.head()
        size = head.size if head is not None else 0
        lowest = max(0, size - last)
        for number in range((size - 1) // BLOCK, lowest // BLOCK - 1, -1):
            yield _block(runtime, reader, number, size)


def _block(runtime: Runtime, reader: LogReader, number: int, size: int) -> Past:
    begin, end = number * BLOCK, min((number + 1) * BLOCK, size)
    file = _folder(runtime) / f"{number:08d}.npz"
    if end - begin == BLOCK and file.exists():
        return _load(file)
    past = _read(runtime, reader, begin, end)
    if end - begin == BLOCK:
        _save(past, file)
    return past


def _folder(runtime: Runtime) -> Path:
    """Files of another space of facts are left behind in a folder of their own."""
    shape = [(field.path, str(field.kind), field.members) for field in fields().values()]
    version = hashlib.sha256(json.dumps([shape, _ACTIONS]).encode()).hexdigest()[:16]
    folder = runtime.settings.home / "cache" / "decisions" / version
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _read(runtime: Runtime, reader: LogReader, begin: int, end: int) -> Past:
    found = list(_questions(reader, begin, end))[::-1]
    tables = recall_all(runtime.db, {question.facts for question in found})
    return _past([question for question in found if question.facts in tables], tables)


def _questions(reader: LogReader, begin: int, end: int) -> Iterator[_Question]:
    """The decisions among the entries [begin, end), newest first."""
    before = end
    while before > begin:
        page = reader.search(Filters(), before=before, limit=MAX_LIMIT)
        if not page:
            return
        for entry in page:
            question = _question(entry.index, entry.leaf) if entry.index >= begin else None
            if question is not None:
                yield question
        before = page[-1].index


def _question(index: int, leaf: bytes) -> _Question | None:
    try:
        detail = decode(leaf).detail
        return _Question(
            index=index,
            action=_ACTIONS.index(detail["action"]),
            outcome=OUTCOMES.index(detail["outcome"]),
            release=str(detail["policy_release"]),
            facts=str(detail["facts"]),
            moving=tuple(int(detail[name]) for name in _MOVING),
        )
    except (LeafMalformed, KeyError, ValueError, TypeError):
        return None  # an entry of another kind, or of a program that kept no facts


def _past(found: Sequence[_Question], tables: dict[str, Any]) -> Past:
    """Each set of facts becomes columns once, however often it was asked about."""
    digests = sorted({question.facts for question in found})
    distinct = table(_facts(tables[digest]) for digest in digests)
    place = {digest: number for number, digest in enumerate(digests)}
    rows = distinct.take(np.array([place[q.facts] for q in found], np.intp))
    moving = np.array([q.moving for q in found], np.int64).reshape(len(found), len(_MOVING))
    changed = {path: moving[:, n].copy() for n, path in enumerate(_MOVING.values())}
    return Past(
        np.array([q.index for q in found], np.int64),
        np.array([q.action for q in found], np.int16),
        np.array([q.outcome for q in found], np.uint8),
        np.array([q.release for q in found], "<U64"),
        np.array([q.facts for q in found], "<U64"),
        rows.replace(changed),
    )


def _facts(kept: Any) -> Any:
    try:
        return facts_from(kept)
    except FactError as error:
        raise FactError(f"kept facts cannot be read: {error}") from error


def _save(past: Past, file: Path) -> None:
    arrays: dict[str, Any] = {name: getattr(past, name) for name in _OWN}
    arrays |= {"/".join(path): column for path, column in past.rows.columns.items()}
    temporary = file.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("wb") as out:
        np.savez(out, allow_pickle=False, **arrays)
    temporary.replace(file)


def _load(file: Path) -> Past:
    with np.load(file, allow_pickle=False) as stored:
        columns = {tuple(name.split("/")): stored[name] for name in stored.files if "/" in name}
        index, action, outcome, release, facts = (stored[name] for name in _OWN)
    return Past(index, action, outcome, release, facts, Table(len(index), columns))
