"""The pages about decisions: who can use what, and what would be if."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, url_for

from gateway.access import presenter
from gateway.access.ask import to_use
from gateway.access.reading import find_dataset
from gateway.catalog.models import Dataset
from gateway.decisions import service_overview, views, words
from gateway.decisions.asking import Asker, record_look
from gateway.decisions.schemas_pages import PersonQuery, WhatIfQuery, WhoQuery
from gateway.decisions.service_evaluation import DATASET, PERSON, Question, Resource, Subject
from gateway.decisions.service_overview import DatasetRow, PersonRow
from gateway.decisions.service_whatif import WhatIf, facts_of, what_if
from gateway.errors import Problem, ProblemCode
from gateway.identity.http import rt
from gateway.identity.models import Person
from gateway.identity.service_people import find_by_account
from gateway.web.forms import Form, parse_query
from gateway.web.i18n import gettext as _
from gateway.web.i18n import language
from gateway.web.pages import render
from policies.explain import Explanation

blueprint = Blueprint("decisions", __name__, template_folder="templates")


@blueprint.get("/policies/who")
def who() -> str:
    """Who can access a dataset and why, for those who watch it."""
    asker, query = views.watcher(), parse_query(WhoQuery)
    if not query.dataset:
        return _choose(asker, "decisions.who", _("Who can access a dataset"), {})
    asker = views.watcher_of(query.dataset)
    dataset = _dataset(query.dataset)
    action = query.action or to_use(dataset.delivery)
    given = {"dataset": dataset.slug, "action": str(action)}

    def rows(window: Any) -> list[PersonRow]:
        return service_overview.people_of(rt(), asker, dataset, action, window)

    page = views.page("who", given, rows, lambda row: (row.person.id,))
    return render(
        "decisions/who.html", dataset=dataset, action=action, page=page, told=told,
        actions=words.action_options(), datasets=_watched(asker),
        here=views.link("decisions.who", given),
    )  # fmt: skip


@blueprint.get("/policies/person")
def person() -> str:
    """What a person can access and what is missing, for stewards and auditors."""
    asker, query = views.watcher(), parse_query(PersonQuery)
    found = _account(query.account)
    if found is None:
        if query.account:
            record_look(rt(), asker, [None], None)
        form = _unknown_account(query.account)
        return render("decisions/person_form.html", form=form)
    given = {"account": found.account, "action": str(query.action or "")}

    def rows(window: Any) -> list[DatasetRow]:
        return service_overview.datasets_of(rt(), asker, found, query.action, window)

    page = views.page("person", given, rows, lambda row: (row.dataset.slug,))
    return render(
        "decisions/person.html", person=found, action=query.action, page=page, told=told,
        actions=words.action_options(), here=views.link("decisions.person", given),
    )  # fmt: skip


@blueprint.get("/policies/what-if")
def try_facts() -> str:
    """The decision of now beside the one that other facts would bring."""
    asker, query = views.watcher(), parse_query(WhatIfQuery)
    if not query.dataset or not query.account:
        asked = {"account": query.account} if query.account else {}
        return _choose(asker, "decisions.try_facts", _("What if?"), asked, account=True)
    asker = views.watcher_of(query.dataset)
    dataset = _dataset(query.dataset)
    action = query.action or to_use(dataset.delivery)
    subject, resource = Subject(PERSON, query.account), Resource(DATASET, dataset.slug)
    question = Question(subject, str(action), resource)
    found = what_if(rt(), asker, question, query.given())
    return render(
        "decisions/what_if.html", account=query.account, dataset=dataset, action=action,
        found=found, form=_form(query, found), told=told, actions=words.action_options(),
        presenter=presenter,
    )  # fmt: skip


def told(found: Explanation) -> dict[str, Any]:
    """An explanation as the macros of pages take it."""
    return {
        "outcome": str(found.decision.outcome),
        "blockers": presenter.blockers(found.decision),
        "steps": presenter.steps(found),
        "confirmed": found.confirmed,
    }


def _choose(
    asker: Asker, endpoint: str, title: str, given: dict[str, str], account: bool = False
) -> str:
    """The form that asks which dataset (and which person)."""
    return render(
        "decisions/choose.html", action=url_for(endpoint), title=title, options=_watched(asker),
        form=Form(given), account=account,
    )  # fmt: skip


def _watched(asker: Asker) -> list[tuple[str, str]]:
    """The datasets that the asker watches with their titles, for a select."""
    with rt().db.read() as session:
        datasets = service_overview.watched_datasets(session, asker)
    return [(each.slug, _titled(each)) for each in datasets]


def _titled(dataset: Dataset) -> str:
    title = dataset.title_ko if language() == "ko" else dataset.title_en
    return f"{title} ({dataset.slug})"


def _dataset(slug: str) -> Dataset:
    with rt().db.read() as session:
        found = find_dataset(session, slug)
    if found is None:
        raise Problem(
            ProblemCode.NOT_FOUND, "해당 데이터셋이 없습니다.", "There is no such dataset."
        )
    return found


def _account(account: str) -> Person | None:
    with rt().db.read() as session:
        return find_by_account(session, account) if account else None


def _unknown_account(account: str) -> Form:
    """The form again, with what was typed and why it was not found."""
    return Form(
        {"account": account}, {"account": _("There is no such account.")} if account else {}
    )


def _form(query: WhatIfQuery, found: WhatIf) -> Form:
    """What was tried; before anything was, the facts of now."""
    given = query.given()
    values = facts_of(found.facts) | (given or {})
    return Form(
        {name: words.input_of(value) for name, value in values.items()} | {"change": "true"}
    )
