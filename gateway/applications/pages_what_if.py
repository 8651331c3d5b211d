"""The panel "what if …" of a dataset's page: an answer to words that nobody has stated yet.

It asks by GET, records nothing, and knows nothing that the reader may not know of themselves.
"""

from __future__ import annotations

from typing import Any

from flask import request
from markupsafe import Markup
from pydantic import ConfigDict

from gateway.access import presenter
from gateway.access.schemas import StatedFields
from gateway.applications.service_facts import may_apply_anew
from gateway.catalog.models import Dataset
from gateway.identity.http import rt, viewer
from gateway.web.forms import Form, Parsed, try_query
from gateway.web.pages import render


class WhatIf(StatedFields):
    """The panel's fields beside whatever else the page's address carries."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)


ASKED = frozenset(WhatIf.model_fields)


def what_if_panel(dataset: Dataset, **_context: Any) -> Markup:
    """The form, with the answer once something was asked."""
    parsed = try_query(WhatIf) if ASKED.intersection(request.args) else None
    page = render("applications/what_if.html", dataset=dataset, **_answer(dataset, parsed))
    return Markup(page)  # noqa: S704 - a template of ours, already escaped


def _answer(dataset: Dataset, parsed: Parsed[WhatIf] | None) -> dict[str, Any]:
    if parsed is None or parsed.value is None:
        return {"form": parsed.form if parsed else Form(), "asked": None}
    seen = viewer()
    person_id = seen.person_id if seen else None
    applying, using = may_apply_anew(rt(), person_id, dataset, parsed.value.stated())
    return {
        "form": shown(parsed.form),
        "asked": applying.decision,
        "matching": using.matching,
        "steps": presenter.steps(using.explanation),
        "confirmed": using.explanation.confirmed,
    }


def shown(form: Form) -> Form:
    """A form as its fields show it: one box for a list of names, yes and no as its options."""
    return Form({name: _shown(name, given) for name, given in form.raw.items()}, form.errors)


def _shown(name: str, given: Any) -> Any:
    if isinstance(given, bool):
        return str(given).lower()
    one_box = isinstance(given, list) and name in {"team", "diseases"}
    return "\n".join(map(str, given)) if one_box else given
