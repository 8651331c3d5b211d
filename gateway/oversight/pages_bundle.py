"""Exports an evidence bundle from a page: for whoever shall not have to trust this gateway."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO

from flask import Response, send_file

from gateway.errors import Problem
from gateway.evidence.service import Order, export
from gateway.oversight import views
from gateway.oversight.pages import blueprint
from gateway.oversight.queries import Question
from gateway.oversight.reading import reading
from gateway.oversight.schemas_review import BundleOrder
from gateway.oversight.service_search import Desk, understand
from gateway.oversight.views_review import reports_page
from gateway.web import forms
from gateway.web.forms import Form
from gateway.web.i18n import language

NAME = "sumun-evidence.zip"


@blueprint.post("/reports/bundle")
def bundle() -> Response | tuple[str, int]:
    """Make a bundle of the entries that answer a question, and send it."""
    desk, parsed = views.auditor(), forms.try_parse(BundleOrder)
    if parsed.value is None:
        return reports_page(desk, parsed.form), 422
    try:
        made = _made(desk, parsed.value.question, parsed.value.kept)
    except Problem as problem:
        said = problem.to_json(language())
        field = problem.extra.get("field", "")
        return reports_page(desk, Form(parsed.raw, {field: said["detail"]})), problem.status
    response = send_file(made, "application/zip", as_attachment=True, download_name=NAME)
    response.headers["Cache-Control"] = "no-store"
    return response


def _made(desk: Desk, question: Question, kept: str | None) -> IO[bytes]:
    """The bundle as an open file that has no name any more. Raises Problem."""
    with reading(desk.runtime) as opened:
        asked = understand(desk, opened, question)
    people = [asked.person_id] if asked.person_id else []
    order = Order(asked.filters, asked.plain(), asked.free(), people, kept)
    with tempfile.TemporaryDirectory(prefix="sumun-bundle-") as folder:
        target = Path(folder) / NAME
        export(desk.runtime, desk.actor, order, target)
        return target.open("rb")
