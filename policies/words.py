"""Facts in words, a line for each record: what a counterexample or a witness shows to people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from policies.facts import UNLIMITED_BYTES, Facts
from policies.facttable import table_from

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TITLES: Final = {
    "subject": "person",
    "target": "dataset",
    "standing": "standing",
    "review": "decider",
    "export": "export",
    "zone": "safe zone",
    "task": "task",
}
_OPTIONAL: Final = ("review", "export", "zone", "task")


def in_words(facts: Facts) -> tuple[str, ...]:
    """One line for each record of facts that is there: ``person: suspended no, active yes, …``.

    Times are UTC; what is unknown says so.
    """
    table = table_from(facts)
    moment = {"now_ms": table.pop("now_ms"), "request_bytes": table.pop("request_bytes")}
    present = [name for name in _TITLES if name not in _OPTIONAL or table[name] is not None]
    lines = [f"{_TITLES[name]}: {_record(table[name])}" for name in present]
    return (*lines, f"request: {_record(moment)}")


def _record(table: Mapping[str, Any]) -> str:
    return ", ".join(_facts(table))


def _facts(table: Mapping[str, Any]) -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield f"{_plain(name)} ({_record(value)})"
        else:
            yield _fact(name, value)


def _fact(name: str, value: Any) -> str:
    return f"{_plain(name)} {_value(name, value)}"


def _value(name: str, value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " and ".join(map(_plain, value)) or "none"
    return _plain(value) if isinstance(value, str) else _number(name, value)


def _number(name: str, value: int) -> str:
    if name.endswith("_bytes"):
        return "unlimited" if value == UNLIMITED_BYTES else f"{value:,} bytes"
    if name.endswith("within_ms"):
        return f"{value:,} ms"
    return _moment(value) if name.endswith("_ms") else f"{value:,}"


def _moment(milliseconds: int) -> str:
    """A moment of the calendar, or the plain number where the calendar ends."""
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return f"{milliseconds:,} ms"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(name: str) -> str:
    return name.removesuffix("_ms").removesuffix("_bytes").replace("_", " ")
