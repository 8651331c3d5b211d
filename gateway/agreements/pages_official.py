"""An organisation's signatures: asked for on its page, given from the mailed link."""

from __future__ import annotations

import uuid

from flask import Blueprint, Flask, Response, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from gateway.agreements import (
    service,
    service_confirm,
    service_official,
    service_overview,
    views,
)
from gateway.agreements import service_requests as asking
from gateway.agreements import terms as words
from gateway.agreements.schemas import AskForm, OfficialForm
from gateway.agreements.service_official import Capacity, OfficialSigning, Opened
from gateway.agreements.service_requests import Asked
from gateway.errors import Problem, ProblemCode
from gateway.identity import papers
from gateway.identity.forms import done, submitted
from gateway.identity.http import actor, require_person, rt, viewer
from gateway.identity.refusals import manager_missing
from gateway.notify import transport
from gateway.storage import ObjectMissing, StoreUnavailable
from gateway.web.forms import Form
from gateway.web.i18n import gettext as _
from gateway.web.pages import render

SIGN = "official.sign"
# The other fields of the form, and the envelope of the file.
FORM_BYTES = 1 << 16
blueprint = Blueprint("official", __name__, template_folder="templates")


def install(app: Flask) -> None:
    """Take documents, which are larger than other bodies, where a link holds."""

    def raise_limit(endpoint: str | None, values: dict[str, str] | None) -> None:
        token = (values or {}).get("token", "")
        if endpoint == SIGN and request.method == "POST" and _holds(token):
            request.max_content_length = papers.MAX_BYTES + FORM_BYTES

    app.url_value_preprocessor(raise_limit)


@blueprint.get("/agreements/sign/<token>")
def read(token: str) -> Response:
    """The text, and the form to sign it for an organisation; no sign-in is needed."""
    return _shown(service_official.opened(rt(), token), Form())


@blueprint.post("/agreements/sign/<token>")
def sign(token: str) -> ResponseReturnValue:
    """Sign for the organisation."""
    result = submitted(OfficialForm, lambda form: _sign(token, form))
    if result.done is None:
        return _shown(service_official.opened(rt(), token), result.form), result.status
    page = render("agreements/official_done.html", signature=result.done)
    return Response(page, headers={"Cache-Control": "no-store"})


@blueprint.get("/orgs/<uuid:organisation_id>/signatures")
def overview(organisation_id: uuid.UUID) -> str:
    """The signatures of an organisation, with the form to ask for one."""
    require_person()
    return _page(organisation_id, Form())


@blueprint.post("/orgs/<uuid:organisation_id>/signatures")
def ask(organisation_id: uuid.UUID) -> ResponseReturnValue:
    """Have the link mailed to the signing official."""
    me = require_person()
    result = submitted(
        AskForm, lambda form: asking.ask(rt(), me, organisation_id, Asked(**form.model_dump()))
    )
    if result.done is None:
        return _page(organisation_id, result.form), result.status
    return done(_("The request is on its way to the signing official."), _address(organisation_id))


@blueprint.post("/orgs/signature-requests/<uuid:request_id>/cancel")
def cancel(request_id: uuid.UUID) -> BaseResponse:
    """Cancel an open request."""
    organisation_id = asking.cancel(rt(), require_person(), request_id)
    return done(
        _("The request is cancelled; its address no longer works."), _address(organisation_id)
    )


@blueprint.post("/orgs/signatures/<uuid:signature_id>/end")
def end(signature_id: uuid.UUID) -> BaseResponse:
    """Take a signature back."""
    organisation_id = service_official.end(rt(), require_person(), signature_id)
    text = _("The signature has ended. Whatever rests on it is closed.")
    return done(text, _address(organisation_id))


@blueprint.post("/orgs/signatures/<uuid:signature_id>/confirm")
def confirm(signature_id: uuid.UUID) -> BaseResponse:
    """Confirm a signature that waits."""
    row = service_confirm.confirm(rt(), require_person(), signature_id)
    text = _("The signature is confirmed and counts from now on.")
    return done(text, _address(row.organisation_id))


@blueprint.get("/orgs/signatures/<uuid:signature_id>/letter")
def letter(signature_id: uuid.UUID) -> Response:
    """The letter of authority or proof of representation, as a download."""
    try:
        data = service_official.letter_of(rt(), require_person(), signature_id)
    except (ObjectMissing, StoreUnavailable) as error:
        raise Problem(ProblemCode.STORAGE_UNAVAILABLE) from error
    kind = papers.kind_of(data)
    response = Response(data, content_type=kind.media_type if kind else "application/octet-stream")
    name = f"letter-{signature_id}.{kind.ending if kind else 'bin'}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "no-store"
    return response


def panel(organisation_id: uuid.UUID, **_context: object) -> Markup:
    """The signatures of an organisation, for its members and for stewards."""
    return Markup(_body(organisation_id, Form()))  # noqa: S704 the template escapes


def _holds(token: str) -> bool:
    return service_official.is_open(rt(), token)


def _sign(token: str, form: OfficialForm) -> object:
    signing = OfficialSigning(
        form.sha256, form.typed_name, form.title, form.capacity, form.language, _letter()
    )
    return service_official.sign(rt(), actor(), token, signing)


def _letter() -> bytes | None:
    file = request.files.get("letter")
    return file.read() if file is not None and file.filename else None


def _shown(found: Opened, form: Form) -> Response:
    page = render(
        "agreements/official.html",
        found=found,
        terms=words.in_words(found.version.terms),
        texts={
            "ko": views.markdown(found.version.text_ko),
            "en": views.markdown(found.version.text_en),
        },
        capacities=Capacity,
        form=form,
    )
    # The address is a secret: neither a cache nor the next site may learn it.
    headers = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
    return Response(page, headers=headers)


def _page(organisation_id: uuid.UUID, form: Form) -> str:
    body = _body(organisation_id, form)
    if not body:
        raise manager_missing(actor(), "구성원, 데이터 관리 담당자", "member, or a data steward,")
    with rt().db.read() as session:
        row = service_overview.organisation(session, organisation_id)
    return render("agreements/organisation.html", org=row, body=Markup(body))  # noqa: S704


def _body(organisation_id: uuid.UUID, form: Form) -> str:
    """Nothing for people who neither belong to the organisation nor look after all of them."""
    me, now = actor(), rt().clock.now()
    if viewer() is None:
        return ""
    with rt().db.read() as session:
        member = asking.member_of(session, me, organisation_id) is not None
        may_end = service_official.may_end(rt(), session, me, organisation_id)
        if not member and not may_end:
            return ""
        context = {
            "signed": service_overview.signatures(session, organisation_id, now),
            "waiting": service_overview.requests(session, organisation_id, now),
            "agreements": service.current(session),
            "org": service_overview.organisation(session, organisation_id),
        }
    return render(
        "agreements/signatures.html", form=form, member=member, may_end=may_end, me=me,
        transport=transport(rt().settings), **context,
    )  # fmt: skip


def _address(organisation_id: uuid.UUID) -> str:
    return url_for("official.overview", organisation_id=organisation_id)
