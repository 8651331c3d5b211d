"""Navigation and panels: features offer them, the composition root registers them.

A page of a low feature can so show what a higher feature knows ("can I?" on the dataset page)
without importing it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from flask import Flask, current_app
from markupsafe import Markup

NAVIGATION = "sumun.navigation"
PANELS = "sumun.panels"


class Viewer(Protocol):
    """Who looks at the page; identity sets it as `g.viewer` before each request, or None."""

    @property
    def name(self) -> str: ...
    @property
    def roles(self) -> frozenset[str]: ...
    @property
    def locale(self) -> str | None: ...


Predicate = Callable[[Viewer | None], bool]
Panel = Callable[..., Markup]


def everyone(_viewer: Viewer | None) -> bool:
    """Visible before sign-in too."""
    return True


def signed_in(viewer: Viewer | None) -> bool:
    """Visible to every signed-in person."""
    return viewer is not None


def with_role(*roles: str) -> Predicate:
    """Visible to people who hold one of `roles`."""
    return lambda viewer: viewer is not None and not viewer.roles.isdisjoint(roles)


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry: the endpoint, its label (made with `i18n.lazy`), who sees it, its place."""

    endpoint: str
    label: Any
    visible: Predicate = everyone
    order: int = 100

    @property
    def section(self) -> str:
        """The feature's blueprint, which marks the entry as current on all its pages."""
        return self.endpoint.partition(".")[0]


class Navigation:
    """The entries of the main menu."""

    def __init__(self) -> None:
        self._items: list[NavItem] = []
        self._shown: Callable[[NavItem], bool] = lambda _item: True

    def narrow(self, shown: Callable[[NavItem], bool]) -> None:
        """Show to nobody what `shown` leaves out in the present request."""
        self._shown = shown

    def add(self, item: NavItem) -> None:
        self._items.append(item)
        self._items.sort(key=lambda known: known.order)

    def visible_to(self, viewer: Viewer | None) -> list[NavItem]:
        """The entries for `viewer`, in order."""
        return [item for item in self._items if item.visible(viewer) and self._shown(item)]


class Panels:
    """Pieces of pages by slot name; each is a callable that gets the slot's context."""

    def __init__(self) -> None:
        self._slots: dict[str, list[tuple[int, Panel]]] = defaultdict(list)

    def add(self, slot: str, panel: Panel, order: int = 100) -> None:
        """Offer `panel` for `slot`; lower orders come first."""
        self._slots[slot].append((order, panel))
        self._slots[slot].sort(key=lambda entry: entry[0])

    def render(self, slot: str, **context: Any) -> Markup:
        """Every panel of `slot`, in order; nothing when no feature offers one."""
        return Markup("").join(panel(**context) for _order, panel in self._slots.get(slot, ()))


def navigation(app: Flask | None = None) -> Navigation:
    """The navigation of `app` (default: the running one)."""
    found: Navigation = (app or current_app).extensions[NAVIGATION]
    return found


def panels(app: Flask | None = None) -> Panels:
    """The panels of `app` (default: the running one)."""
    found: Panels = (app or current_app).extensions[PANELS]
    return found


def install(app: Flask) -> None:
    """Give `app` an empty navigation and no panels. Templates have `panel(slot, …)`."""
    app.extensions[NAVIGATION] = Navigation()
    app.extensions[PANELS] = Panels()
    app.jinja_env.globals["panel"] = app.extensions[PANELS].render
