"""Canonical JSON (RFC 8785) for the subset that leaves use, with or without orjson.

Subset: ASCII keys, no floats, integers below 2**53 in magnitude. Inside it, sorting keys by
bytes equals RFC 8785's sorting by UTF-16 units, and both writers below give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

MAX_INTEGER = 2**53


class NotCanonical(ValueError):
    """A value or text lies outside the canonical subset; internal, callers translate it."""


def _refuse(text: str) -> NoReturn:
    raise NotCanonical(f"number {text[:32]} is not an integer")


def write_stdlib(value: object) -> bytes:
    """Serialise `value` with the standard library alone (what stand-alone verifiers have)."""
    try:
        text = json.dumps(
            value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
        )
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise NotCanonical(str(error)) from error


def read_stdlib(text: bytes) -> Any:
    """Parse JSON with the standard library alone; floats and NaN raise NotCanonical."""
    try:
        return json.loads(text.decode(), parse_float=_refuse, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise NotCanonical(str(error)) from error


def _choose() -> tuple[Callable[[object], bytes], Callable[[bytes], Any]]:
    """orjson when it is installed (ten times faster), else the standard library."""
    try:
        import orjson
    except ImportError:
        return write_stdlib, read_stdlib

    def write_fast(value: object) -> bytes:
        try:
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        except (TypeError, ValueError) as error:
            raise NotCanonical(str(error)) from error

    def read_fast(text: bytes) -> Any:
        try:
            return orjson.loads(text)
        except ValueError as error:
            raise NotCanonical(str(error)) from error

    return write_fast, read_fast


_write, loads = _choose()
"""`loads` parses JSON in any spelling; it raises NotCanonical for anything else."""


def check(value: object, depth: int = 8) -> None:
    """Raise NotCanonical unless `value` lies in the subset, at most `depth` levels deep."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return
    if kind is int:
        if not -MAX_INTEGER < value < MAX_INTEGER:  # type: ignore[operator]
            raise NotCanonical(f"integer {value} needs more than 53 bits")
        return
    if depth == 0:
        raise NotCanonical("nested too deeply")
    if isinstance(value, list | tuple):
        for member in value:
            check(member, depth - 1)
    elif isinstance(value, dict):
        _check_members(value, depth)
    elif not isinstance(value, str):
        raise NotCanonical(f"a {kind.__name__} has no canonical form here")


def _check_members(value: dict[object, object], depth: int) -> None:
    for key, member in value.items():
        if type(key) is not str or not key.isascii():
            raise NotCanonical(f"key {key!r} is not ASCII text")
        check(member, depth - 1)


def write(value: object) -> bytes:
    """Serialise a value that `check` accepts; text that is not Unicode raises NotCanonical."""
    return _write(value)


def read(text: bytes) -> Any:
    """Parse canonical bytes; any other spelling of the same value raises NotCanonical.

    Comparing with a rewrite also refuses repeated keys, spaces and non-minimal escapes.
    Floats can survive in free-form parts: run `check` over those.
    """
    value = loads(text)
    if _write(value) != text:
        raise NotCanonical("not in canonical form")
    return value
