"""The downloads of a range of the log, by what they were for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from audit import stats
from gateway.journal import Act
from gateway.oversight.happenings import purposes
from gateway.oversight.models import ReviewMark
from gateway.oversight.reading import Reading


@dataclass(frozen=True, slots=True)
class Group:
    """Downloads of one person from one dataset under one grant or export.

    `person` is a keyed token; `purpose` None when no purpose of use is on record; `first` and
    `last` are indexes of the log.
    """

    key: str
    ref: str | None
    person: str | None
    dataset: str | None
    entries: int
    first: int
    last: int
    purpose: str | None
    mark: ReviewMark | None = None


def downloads(
    opened: Reading, first: int, end: int, marks: Mapping[str, ReviewMark]
) -> list[Group]:
    """The downloads among the entries first ≤ index < end, in the order of their keys."""
    found = stats.groups(opened.sql, Act.DOWNLOAD_AUTHORIZED, first, end)
    known = purposes(opened.session, (group.ref for group in found))
    made = [
        Group(
            key_of(group), group.ref, group.person, group.dataset, group.entries, group.first,
            group.last, known.get(group.ref or ""), marks.get(key_of(group)),
        )
        for group in found
    ]  # fmt: skip
    return sorted(made, key=lambda group: group.key)


def key_of(group: stats.Group) -> str:
    """What a group is called in marks and forms; stable, and it names no one."""
    return "|".join((group.ref or "-", (group.person or "-")[:16], group.dataset or "-"))
