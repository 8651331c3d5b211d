"""The overview, and the views of one item and of one person."""

from __future__ import annotations

from typing import Any

from flask import url_for

from gateway.identity.http import rt
from gateway.oversight import pictures, service_views, views
from gateway.oversight.entries import TOKEN_SHOWN, Seen
from gateway.oversight.figures import Span, figures
from gateway.oversight.pages import blueprint
from gateway.oversight.queries import TOKEN
from gateway.oversight.reading import reading
from gateway.oversight.schemas_review import ItemQuery, PersonQuery, SpanQuery
from gateway.web import forms
from gateway.web.pages import render
from gateway.web.paging import Window


@blueprint.get("/overview")
def overview() -> str:
    """Charts of a period."""
    desk, query = views.auditor(), forms.parse_query(SpanQuery)
    span = _span(query.since, query.until)
    with reading(desk.runtime) as opened:
        found = figures(opened.session, desk.runtime.vault, span)
    given = _given(span)
    return render(
        "oversight/overview.html", span=span, found=found, given=given,
        charts=pictures.overview(found, given),
    )  # fmt: skip


@blueprint.get("/item")
def item() -> str:
    """Who touched an item."""
    desk, query = views.auditor(), forms.parse_query(ItemQuery)
    kept: dict[str, Any] = {}

    def rows(window: Window) -> list[Seen]:
        found, people = service_views.who_touched(desk, query.dataset, query.item, window)
        kept["people"] = people
        return found.rows

    given = {"dataset": query.dataset, "item": query.item}
    page = views.page("item", given, rows)
    return render(
        "oversight/item.html", query=query, page=page, contexts=views.contexts(desk, page.items),
        here=views.link(url_for("audit.item"), given), gaps=views.gaps_since(desk), **kept,
    )  # fmt: skip


@blueprint.get("/person")
def person() -> str:
    """All that a person did in a period."""
    desk, query = views.auditor(), forms.parse_query(PersonQuery)
    span = _span(query.since, query.until)
    kept: dict[str, Any] = {}

    def rows(window: Window) -> list[Seen]:
        found, datasets = service_views.what_did(desk, query.person, span, window)
        kept["datasets"], kept["chart"] = datasets, pictures.by_day(found.days)
        return found.rows

    given = {"person": query.person, **_given(span)}
    page = views.page("person", given, rows)
    return render(
        "oversight/person.html", query=query, shown=_shown(query.person), span=span, page=page,
        given=given, contexts=views.contexts(desk, page.items),
        here=views.link(url_for("audit.person"), given), **kept,
        gaps=views.gaps_since(desk, span.first.isoformat()),
    )  # fmt: skip


def _shown(person: str) -> str:
    """A person as asked for; a token as short as in the rows."""
    return f"#{person[:TOKEN_SHOWN]}" if TOKEN.fullmatch(person) else person


def _span(since: str | None, until: str | None) -> Span:
    return views.span_of(since, until, rt().clock, rt().settings.zone)


def _given(span: Span) -> dict[str, str]:
    return {"since": span.first.isoformat(), "until": span.last.isoformat()}
