"""The pages of usage agreements: read, compare, sign; the same for machines."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from gateway.agreements import difference, odrl, service, service_signing, terms, views
from gateway.agreements.models import AgreementState, AgreementVersion
from gateway.agreements.schemas import SignForm
from gateway.errors import Problem, ProblemCode
from gateway.identity.http import require_person, rt, safe_next, scopes_of, viewer
from gateway.identity.models import EVERYWHERE, Role
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
    own = views.own_signatures()
    signatures = {row.id: signed for row in found if (signed := views.covering(row, own))}
    return render(
        "agreements/list.html", agreements=found, signatures=signatures, renewals=views.to_renew()
    )


@blueprint.get("/policies/<code>")
def show(code: str) -> str:
    """One agreement: both texts, the terms in words, the hash, and the form to sign it."""
    return page(code, Form())


@blueprint.post("/policies/<code>")
def sign(code: str) -> ResponseReturnValue:
    """Sign the version in force."""
    person = require_person()
    parsed = try_parse(SignForm)
    if parsed.value is None:
        return page(code, parsed.form), 422
    try:
        service_signing.sign(rt(), person, views.signing(parsed.value))
    except Problem as problem:
        return _again(code, parsed.raw, problem)
    flash(_("Signed. Your signature and the text's fingerprint are in the audit log."), "ok")
    back = safe_next(request.args.get("next") or url_for("agreements.show", code=code))
    return redirect(back, 303)


@blueprint.get("/policies/<code>/diff")
def diff(code: str) -> str:
    """What changed between two versions, word by word in both languages, terms first."""
    asked = [request.args.get(name, type=int) for name in ("from", "to")]
    old, new = views.compared(views.versions(code), *asked)
    return render(
        "agreements/diff.html",
        old=old,
        new=new,
        changes=terms.changes(old.terms, new.terms),
        texts={
            "ko": difference.between(old.text_ko, new.text_ko),
            "en": difference.between(old.text_en, new.text_en),
        },
        own=views.own_standing(new),
    )


@blueprint.get("/agreements/<code>/v<int:number>.jsonld")
def offer(code: str, number: int) -> Response:
    """A version as an ODRL offer."""
    row = views.shown_version(views.versions(code), number)
    return _json_ld(odrl.offer(row, _base()))


@blueprint.get("/agreements/profile.jsonld")
def profile() -> Response:
    """The terms that the offers use beyond ODRL's own."""
    return _json_ld(odrl.profile(_base()))


def _json_ld(document: dict[str, Any]) -> Response:
    return Response(orjson.dumps(document), content_type="application/ld+json")


def _base() -> str:
    return rt().settings.public_url.rstrip("/")


def _signable(version: AgreementVersion) -> bool:
    over = version.ends_at is not None and version.ends_at <= rt().clock.now()
    return version.state == AgreementState.IN_FORCE and not over


def _again(code: str, raw: dict[str, object], problem: Problem) -> ResponseReturnValue:
    """The form once more with the sentence beside the field it is about."""
    if problem.code is not ProblemCode.VALIDATION_FAILED:
        raise problem
    sentence = problem.detail_ko if language() == "ko" else problem.detail_en
    return page(code, Form(raw, {str(problem.extra["field"]): sentence})), 422


def page(code: str, form: Form, number: int | None = None, plan: Form | None = None) -> str:
    """The page of an agreement; `plan` is a steward's form that came back."""
    found = views.versions(code)
    chosen = views.shown_version(found, number or request.args.get("v", type=int))
    seen = viewer()
    with rt().db.read() as session:
        own = service_signing.organisations_of(session, seen.person_id) if seen else []
    return render(
        "agreements/show.html",
        versions=found,
        version=chosen,
        signable=_signable(chosen),
        steward=EVERYWHERE in scopes_of(Role.STEWARD),
        plan=plan or Form(),
        now=rt().clock.now(),
        own=views.own_standing(chosen),
        announced=[row for row in found if row.state == AgreementState.SHADOW],
        terms=terms.in_words(chosen.terms),
        texts={"ko": views.markdown(chosen.text_ko), "en": views.markdown(chosen.text_en)},
        organisations=[(str(row.id), row.name) for row in own],
        needs_organisation=service_signing.needs_organisation(chosen),
        form=form,
    )
