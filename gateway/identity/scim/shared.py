"""What users and groups have in common: versions, pages, filters, texts."""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from scim2_models import (
    InvalidFilterException,
    InvalidValueException,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ScimFilter,
)
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from gateway.identity.scim.resources import MOST_LISTED

R = TypeVar("R", bound=Resource[Any])
Edit = Callable[[R], R]
MOST_FILTER = 500
MOST_TRIES = 4
# What directories ask before each write; anything else is matched one by one.
PLAIN = re.compile(r'\s*(userName|externalId)\s+eq\s+"([^"\\]*)"\s*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page of a list: from the 1-based `start` at most `count` of those that `filter` takes."""

    filter: str = ""
    start: int = 1
    count: int = MOST_LISTED


@dataclass(frozen=True, slots=True)
class Listed:
    """The rows of a page, and how many there are in all."""

    rows: Sequence[Any]
    total: int


def listed(
    session: Session,
    table: Any,
    condition: ColumnElement[bool],
    wanted: Wanted,
    shape: tuple[type[Resource[Any]], Callable[[Any], Resource[Any]]],
) -> Listed:
    """The page of rows of `table` under `condition`; a filter that no column answers is matched
    against each row as `shape`, a model and its maker, shows it. Raises InvalidFilterException."""
    _check_filter(wanted.filter)
    every = select(table).where(condition).order_by(table.created_at, table.id)
    plain = PLAIN.fullmatch(wanted.filter)
    first = wanted.start - 1
    if wanted.filter and not plain:
        model, shown = shape
        matching = ScimFilter[model](wanted.filter)  # type: ignore[valid-type]
        rows = [row for row in session.scalars(every) if matching.match(shown(row))]
        return Listed(rows[first : first + wanted.count], len(rows))
    if plain:
        every = every.where(_column(table, plain.group(1), plain.group(2)))
    total = session.scalar(select(func.count()).select_from(every.subquery())) or 0
    return Listed(session.scalars(every.offset(first).limit(wanted.count)).all(), total)


def text(name: str, value: Any, longest: int) -> str:
    """A value of one line, at most `longest` characters; "" for None.

    Raises InvalidValueException.
    """
    if value is None:
        return ""
    given = unicodedata.normalize("NFC", str(value)).strip()
    if len(given) > longest or not printable(given):
        raise InvalidValueException(attribute=name, reason="too long, or with control characters")
    return given


def printable(value: str) -> bool:
    """Neither control characters nor halves of a pair, which no database stores."""
    return all(unicodedata.category(char)[0] != "C" for char in value)


def parsed_id(value: str) -> uuid.UUID:
    """An id of ours. Raises NotFoundException for anything else."""
    try:
        found = uuid.UUID(value)
    except ValueError:
        raise NotFoundException(detail="There is no such resource.") from None
    if str(found) != value:
        raise NotFoundException(detail="There is no such resource.")
    return found


def etag(version: int) -> str:
    """A resource's version as a weak entity tag (RFC 7644 §3.14)."""
    return f'W/"{version}"'


def check_match(given: str | None, version: int) -> None:
    """Raise PreconditionFailedException when `If-Match` names another version."""
    if given is None or given.strip() == "*":
        return
    tags = {tag.strip().removeprefix("W/") for tag in given.split(",")}
    if f'"{version}"' not in tags:
        raise PreconditionFailedException(detail="The resource has changed meanwhile.")


class MovedError(PreconditionFailedException):
    """Somebody else changed the resource while a change was being computed."""


def matched(given: str | None, version: int) -> int:
    """The version that a change starts from. Raises as `check_match`."""
    check_match(given, version)
    return version


def check_settled(known: int, version: int) -> None:
    """Raise MovedError when the resource is no longer the one that a change started from."""
    if known != version:
        raise MovedError(detail="The resource has changed meanwhile.")


def settled(change: Callable[[], R]) -> R:
    """The result of `change`, computed anew a few times where others were faster.

    Raises PreconditionFailedException (412) when they still are.
    """
    for _try in range(MOST_TRIES - 1):
        with suppress(MovedError):
            return change()
    return change()


def _check_filter(given: str) -> None:
    if len(given) > MOST_FILTER or not printable(given):
        raise InvalidFilterException(filter=given[:40])


def _column(table: Any, name: str, value: str) -> ColumnElement[bool]:
    if name.lower() == "externalid":
        found: ColumnElement[bool] = table.external_id == (value or None)
        return found
    if not hasattr(table, "user_key"):
        raise InvalidFilterException(filter=name)
    return table.user_key == user_key(value)  # type: ignore[no-any-return]


def user_key(name: str) -> str:
    """The form in which user names are compared: NFC and case-folded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name.strip()).casefold())
