"""Facts as the entities and context that Cedar reads, and as the bytes their digest covers.

What changes with every request (clock, sizes) goes into the context; all else into the entities,
which are parsed once and kept under exactly those facts.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import cache, partial
from types import UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

from policies.facts import (
    IDENTITY_LEVELS,
    ExportFacts,
    Facts,
    Review,
    Standing,
    Subject,
    Target,
    TaskFacts,
    ZoneFacts,
)

PERSON: Final = "Person"
DATASET: Final = "Dataset"
ACTION: Final = "Action"

_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)

Attributes = dict[str, Any]
Encoder = Callable[[Any], Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Still:
    """The facts that stay the same from one request to the next."""

    subject: Subject
    target: Target
    standing: Standing
    review: Review | None
    export: ExportFacts | None
    zone: ZoneFacts | None
    task: TaskFacts | None


def still(facts: Facts) -> Still:
    """The facts without clock and sizes (``used_bytes`` is set to 0)."""
    standing = dataclasses.replace(facts.standing, used_bytes=0)
    return Still(
        facts.subject,
        facts.target,
        standing,
        facts.review,
        facts.export,
        facts.zone,
        facts.task,
    )


def canonical(value: Any) -> str:
    """JSON with sorted keys, ASCII only, no spaces: equal facts give equal text."""
    return _CANONICAL.encode(value)


def context(facts: Facts) -> str:
    """What changes with every request, as canonical JSON."""
    return canonical(
        {
            "now_ms": facts.now_ms,
            "request_bytes": facts.request_bytes,
            "used_bytes": facts.standing.used_bytes,
        }
    )


def entities(facts: Still) -> str:
    """The person and the dataset as a Cedar entities document.

    Raises ValueError for a state or level outside its range. Wrong types are left to the schema.
    """
    person = _entity(PERSON, facts.subject.person_id, _person(facts))
    dataset = _entity(DATASET, facts.target.dataset, _dataset(facts))
    return json.dumps([person, dataset])


def _entity(kind: str, name: str, attributes: Attributes) -> Attributes:
    return {"uid": {"type": kind, "id": name}, "attrs": attributes, "parents": []}


def _person(facts: Still) -> Attributes:
    attributes = _attributes(facts.subject)
    del attributes["person_id"]
    attributes["identity_level"] = _level(facts.subject.identity_level)
    attributes["standing"] = _without(_attributes(facts.standing), "used_bytes")
    return attributes | _parts(review=facts.review, zone=facts.zone, task=facts.task)


def _dataset(facts: Still) -> Attributes:
    attributes = _without(_attributes(facts.target), "dataset", "version")
    attributes["identity_level_required"] = _level(facts.target.identity_level_required)
    if "agreement" in attributes:
        attributes["agreement"] = _without(attributes["agreement"], "code")
    return attributes | _parts(export=facts.export)


def _without(attributes: Attributes, *names: str) -> Attributes:
    return {name: value for name, value in attributes.items() if name not in names}


def _parts(**records: Any) -> Attributes:
    return {name: _attributes(part) for name, part in records.items() if part is not None}


def _attributes(record: object) -> Attributes:
    """The known fields of a record of facts; each state must be a member of its enumeration."""
    kind: Any = type(record)
    return {
        name: encode(value) if encode else value
        for name, encode in _shape(kind)
        if (value := getattr(record, name)) is not None
    }


@cache
def _shape(kind: Any) -> tuple[tuple[str, Encoder | None], ...]:
    """How each field of a record is written, read once from its type."""
    hints = get_type_hints(kind)
    return tuple((f.name, _encoder(hints[f.name])) for f in dataclasses.fields(kind))


def _encoder(hint: Any) -> Encoder | None:
    kind = get_args(hint)[0] if isinstance(hint, UnionType) else hint
    if get_origin(kind) is frozenset:
        return partial(_states, get_args(kind)[0])
    if issubclass(kind, StrEnum):
        return partial(_state, kind)
    # Numbers, texts and booleans go as they are: the schema refuses those of the wrong type.
    return _attributes if dataclasses.is_dataclass(kind) else None


def _state(kind: type[StrEnum], value: Any) -> str:
    # A member is a text already; looking it up again takes longer than writing it.
    return value if type(value) is kind else kind(value).value


def _states(kind: type[StrEnum], values: Iterable[Any]) -> list[str]:
    return sorted(_state(kind, value) for value in values)


def _level(level: int) -> int:
    if level not in IDENTITY_LEVELS:
        raise ValueError(f"identity level {level} is not one of 0 to 3")
    return level
