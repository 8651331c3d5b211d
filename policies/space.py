"""The space of facts: every attribute a rule may read, with its kind and the values it may take.

Read once from the records of `policies.facts`, so that whoever reasons about rules (the prover, the
replay in columns) speaks of exactly the facts that the engine is given.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

from policies import facts

Path = tuple[str, ...]

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1
"""Cedar's Long."""


class Kind(StrEnum):
    """What sort of value an attribute holds."""

    BOOL = "bool"
    INT = "int"
    TEXT = "text"
    STATE = "state"
    SET = "set"
    RECORD = "record"


@dataclass(frozen=True, slots=True)
class Field:
    """One attribute: ``path`` as Cedar reads it, ``source`` as `policies.facts` names it.

    ``members`` are the values of a state or of a set, in the order of their enumeration.
    """

    path: Path
    source: Path
    kind: Kind
    optional: bool
    members: tuple[str, ...]


# Where each record of facts hangs in the entities that Cedar reads.
_ROOTS: Final[dict[str, Path]] = {
    "subject": ("principal",),
    "target": ("resource",),
    "standing": ("principal", "standing"),
    "review": ("principal", "review"),
    "export": ("resource", "export"),
    "zone": ("principal", "zone"),
    "task": ("principal", "task"),
}
_CONTEXT: Final[dict[Path, Path]] = {
    ("standing", "used_bytes"): ("context", "used_bytes"),
    ("request_bytes",): ("context", "request_bytes"),
    ("now_ms",): ("context", "now_ms"),
}


@cache
def fields() -> dict[Path, Field]:
    """Every attribute by its path, records before what they hold."""
    return {field.path: field for field in _of(facts.Facts, (), ())}


def _of(record: Any, path: Path, source: Path) -> Iterator[Field]:
    hints = get_type_hints(record)
    for field in dataclasses.fields(record):
        origin = (*source, field.name)
        where = _CONTEXT.get(origin) or _ROOTS.get(field.name, (*path, field.name))
        yield from _field(hints[field.name], where, origin)


def _field(hint: Any, path: Path, source: Path) -> Iterator[Field]:
    optional = isinstance(hint, UnionType)
    kind = get_args(hint)[0] if optional else hint
    if get_origin(kind) is frozenset:
        yield Field(path, source, Kind.SET, optional, _members(get_args(kind)[0]))
    elif dataclasses.is_dataclass(kind):
        if optional:
            yield Field(path, source, Kind.RECORD, optional, ())
        yield from _of(kind, path, source)
    else:
        yield Field(path, source, _plain(kind), optional, _members(kind))


def _plain(kind: Any) -> Kind:
    known = {bool: Kind.BOOL, int: Kind.INT, str: Kind.TEXT}
    return known.get(kind, Kind.STATE)


def _members(kind: Any) -> tuple[str, ...]:
    return tuple(str(m) for m in kind) if issubclass(kind, StrEnum) else ()
