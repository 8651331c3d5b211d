"""Facts as the entities and context that Cedar reads, and as the bytes their digest covers.

What changes with every request (clock, sizes) goes into the context; all else into the entities,
which are parsed once and kept under exactly those facts.
"""

from __future__ import annotations

import dataclasses
import json
from enum import StrEnum
from typing import Any, Final

from policies.facts import (
    IDENTITY_LEVELS,
    AcceptanceState,
    Delivery,
    EvidenceState,
    ExportFacts,
    ExportState,
    Facts,
    GrantState,
    Review,
    ScanState,
    Sensitivity,
    Standing,
    Subject,
    Target,
    VersionState,
)

PERSON: Final = "Person"
DATASET: Final = "Dataset"
ACTION: Final = "Action"

Attributes = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Still:
    """The facts that stay the same from one request to the next."""

    subject: Subject
    target: Target
    standing: Standing
    review: Review | None
    export: ExportFacts | None


def still(facts: Facts) -> Still:
    """The facts without clock and sizes (``used_bytes`` is set to 0)."""
    standing = dataclasses.replace(facts.standing, used_bytes=0)
    return Still(facts.subject, facts.target, standing, facts.review, facts.export)


def canonical(value: Any) -> str:
    """JSON with sorted keys, ASCII only, no spaces: equal facts give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


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
    subject = facts.subject
    attributes = _attributes(subject, training=EvidenceState)
    del attributes["person_id"]
    attributes["identity_level"] = _level(subject.identity_level)
    attributes["standing"] = _standing(facts.standing)
    if facts.review is not None:
        attributes["review"] = _attributes(facts.review)
    return attributes


def _standing(standing: Standing) -> Attributes:
    attributes = _attributes(
        standing, acceptance=AcceptanceState, grant=GrantState, irb=EvidenceState
    )
    del attributes["purpose"], attributes["used_bytes"]
    return attributes


def _dataset(facts: Still) -> Attributes:
    target = facts.target
    attributes = _attributes(
        target,
        sensitivity=Sensitivity,
        delivery=Delivery,
        version_state=VersionState,
        scan=ScanState,
    )
    for name in ("dataset", "agreement_code", "version"):
        attributes.pop(name, None)
    attributes["identity_level_required"] = _level(target.identity_level_required)
    if facts.export is not None:
        attributes["export"] = _attributes(facts.export, state=ExportState)
    return attributes


def _attributes(record: Any, **states: type[StrEnum]) -> Attributes:
    """The known fields of a dataclass; each named field must be a member of its enumeration."""
    pairs = ((field.name, getattr(record, field.name)) for field in dataclasses.fields(record))
    known = {name: value for name, value in pairs if value is not None}
    return known | {name: _state(kind, known.get(name)) for name, kind in states.items()}


def _state(kind: type[StrEnum], value: Any) -> str:
    return kind(value).value


def _level(level: int) -> int:
    if level not in IDENTITY_LEVELS:
        raise ValueError(f"identity level {level} is not one of 0 to 3")
    return level
