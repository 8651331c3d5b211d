"""Facts from plain tables (TOML, JSON) and back: every field named, every type checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from policies.facts import Facts

Record = TypeVar("Record")


class FactError(Exception):
    """A table of facts is malformed; the message names the fact."""


def facts_from(
    table: Any, given: Mapping[str, Any] | None = None, unknown: Iterable[str] = ()
) -> Facts:
    """Facts from a nested table, changed by dotted names.

    ``given`` sets facts (``{"standing.grant": "revoked"}``), ``unknown`` makes them ``None``. A
    fact that may be unknown may be left out of the table; any other must be there.

    Raises FactError for an unknown name, a missing fact or a wrong type.
    """
    changed = deepcopy(table)
    for name, value in (given or {}).items():
        _set(changed, name, value)
    for name in unknown:
        _set(changed, name, None)
    return _record(Facts, changed, "")


def table_from(record: Any) -> Any:
    """A record of facts as a plain table: the inverse of ``facts_from``; sets become sorted lists,
    what is unknown ``None``."""
    kind: Any = type(record)
    if names := _names(kind):
        return {name: table_from(getattr(record, name)) for name in names}
    return sorted(record) if isinstance(record, frozenset) else record


@cache
def _names(kind: Any) -> tuple[str, ...]:
    """The fields of a record, looked up once: every decision makes a table of its facts."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()


def _set(table: Any, name: str, value: Any) -> None:
    *path, last = name.split(".")
    for part in path:
        table = table.setdefault(part, {}) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        raise FactError(f"{name} is not a fact")
    table[last] = value


def _record(kind: type[Record], table: Any, prefix: str) -> Record:
    if not isinstance(table, dict):
        raise FactError(f"{prefix or 'the facts'} must be a table")
    hints = get_type_hints(kind)
    strange = table.keys() - hints.keys()
    if strange:
        raise FactError(f"{prefix}{min(map(str, strange))} is not a fact")
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    return kind(**{n: _value(hints[n], table.get(n), f"{prefix}{n}") for n in names})


def _value(hint: Any, value: Any, name: str) -> Any:
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    if value is None:
        if NoneType not in kinds:
            raise FactError(f"{name} is missing")
        return None
    return _known(kinds[0], value, name)


def _known(kind: Any, value: Any, name: str) -> Any:
    if get_origin(kind) is frozenset:
        return _members(get_args(kind)[0], value, name)
    if is_dataclass(kind):
        return _record(kind, value, f"{name}.")  # type: ignore[arg-type]
    if issubclass(kind, StrEnum):
        return _member(kind, value, name)
    # Exactly this type: true must not pass for the number 1.
    if type(value) is not kind:
        raise FactError(f"{name} must be of type {kind.__name__}")
    return value


def _members(kind: type[StrEnum], values: Any, name: str) -> frozenset[StrEnum]:
    if not isinstance(values, list):
        raise FactError(f"{name} must be a list")
    return frozenset(_member(kind, value, name) for value in values)


def _member(kind: type[StrEnum], value: Any, name: str) -> StrEnum:
    names = [str(member) for member in kind]
    if value not in names:
        raise FactError(f"{name} must be one of: {', '.join(names)}")
    return kind(value)
