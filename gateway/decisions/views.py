"""What pages and API of decisions share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar
from urllib.parse import urlencode

from flask import request, url_for

from gateway.access.views import caller
from gateway.decisions.asking import WATCHERS, Asker
from gateway.identity.http import actor, require_role, require_role_somewhere, require_viewer, rt
from gateway.keys import Purpose
from gateway.web.paging import Cursors, Page, Position, Window, scope_of

T = TypeVar("T")
PAGE: Final = 25


def asker() -> Asker:
    """The signed-in person who asks. Raises Problem 401 for a program that is not signed in."""
    seen = require_viewer()
    return Asker(actor(), seen.person_id, seen.account, seen.scoped, caller())


def watcher() -> Asker:
    """A steward or auditor of anything. Raises Problem 403."""
    require_role_somewhere(*WATCHERS)
    return asker()


def watcher_of(slug: str) -> Asker:
    """A steward or auditor of this dataset. Raises Problem 403, whether or not it exists."""
    require_role(*WATCHERS, scope=slug)
    return asker()


def page(
    name: str,
    given: Mapping[str, str],
    rows: Callable[[Window], list[T]],
    position: Callable[[T], Position],
) -> Page[T]:
    """The present page of a list under what was asked. Raises Problem 400 for a bad cursor."""
    cursors = Cursors(rt().keys.current(Purpose.CURSOR).material)
    window = cursors.window(request.args, scope_of(f"decisions-{name}", given), PAGE)
    return cursors.page(rows(window), window, position)


def link(endpoint: str, given: Mapping[str, str]) -> str:
    """The address of a list with what was asked, for its pager."""
    asked = {name: value for name, value in given.items() if value}
    return f"{url_for(endpoint)}?{urlencode(asked)}"
