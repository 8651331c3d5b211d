"""The pages of usage agreements: read, sign, and put a new version in force."""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from gateway.agreements import service, service_signing, terms, views
from gateway.agreements.models import AgreementState
from gateway.agreements.schemas import SignForm
from gateway.errors import Problem, ProblemCode
from gateway.identity.http import require_person, require_role, rt, safe_next, viewer
from gateway.identity.models import Role
from gateway.web.forms import Form, try_parse
from gateway.web.i18n import gettext as _
from gateway.web.i18n import language
from gateway.web.pages import render

blueprint = Blueprint("agreements", __name__, template_folder="templates")


@blueprint.get("/policies")
def overview() -> str:
    """Every agreement in force, and which of them the reader has signed."""
    with rt().db.read() as session:
        found = service.current(session)
    return render("agreements/list.html", agreements=found, signatures=views.own_signatures())


@blueprint.get("/policies/<code>")
def show(code: str) -> str:
    """One agreement: both texts, the terms in words, the hash, and the form to sign it."""
    return _page(code, Form())


@blueprint.post("/policies/<code>")
def sign(code: str) -> ResponseReturnValue:
    """Sign the version in force."""
    person = require_person()
    parsed = try_parse(SignForm)
    if parsed.value is None:
        return _page(code, parsed.form), 422
    try:
        service_signing.sign(rt(), person, views.signing(parsed.value))
    except Problem as problem:
        return _again(code, parsed.raw, problem)
    flash(_("Signed. Your signature and the text's fingerprint are in the audit log."), "ok")
    back = safe_next(request.args.get("next") or url_for("agreements.show", code=code))
    return redirect(back, 303)


@blueprint.post("/policies/versions/<uuid:version_id>/in-force")
def in_force(version_id: uuid.UUID) -> ResponseReturnValue:
    """Put a draft in force; everyone is asked to sign anew."""
    service.put_in_force(rt(), require_role(Role.STEWARD), version_id)
    flash(_("The version is in force. Everyone is asked to sign it."), "ok")
    return redirect(url_for("agreements.overview"), 303)


@blueprint.post("/policies/versions/<uuid:version_id>/withdraw")
def withdraw(version_id: uuid.UUID) -> ResponseReturnValue:
    """Withdraw the version in force; its datasets close until another is in force."""
    service.withdraw(rt(), require_role(Role.STEWARD), version_id)
    flash(_("The version is withdrawn. Its datasets are closed until another is in force."), "ok")
    return redirect(url_for("agreements.overview"), 303)


def _again(code: str, raw: dict[str, object], problem: Problem) -> ResponseReturnValue:
    """The form once more with the sentence beside the field it is about."""
    if problem.code is not ProblemCode.VALIDATION_FAILED:
        raise problem
    sentence = problem.detail_ko if language() == "ko" else problem.detail_en
    return _page(code, Form(raw, {str(problem.extra["field"]): sentence})), 422


def _page(code: str, form: Form) -> str:
    found = views.versions(code)
    chosen = views.shown_version(found, request.args.get("v", type=int))
    seen = viewer()
    with rt().db.read() as session:
        own = service_signing.organisations_of(session, seen.person_id) if seen else []
    return render(
        "agreements/show.html",
        versions=found,
        version=chosen,
        signable=chosen.state == AgreementState.IN_FORCE,
        signature=views.own_signatures().get(chosen.id),
        terms=terms.in_words(chosen.terms),
        texts={"ko": views.markdown(chosen.text_ko), "en": views.markdown(chosen.text_en)},
        organisations=[(str(row.id), row.name) for row in own],
        needs_organisation=service_signing.needs_organisation(chosen),
        form=form,
    )
