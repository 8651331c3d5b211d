"""An organisation's documents: uploaded by those who run it, read by stewards."""

from __future__ import annotations

import uuid

from flask import Blueprint, Flask, Response, current_app, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy.orm import Session

from gateway.errors import Problem, ProblemCode
from gateway.identity import papers
from gateway.identity import service_documents as documents
from gateway.identity.authenticators import authenticate
from gateway.identity.forms import done, submitted
from gateway.identity.http import actor, require_person, rt
from gateway.identity.models import Organisation
from gateway.identity.models_organisations import OrganisationDocument
from gateway.identity.refusals import manager_missing
from gateway.identity.schemas_organisations import DocumentForm
from gateway.identity.service_organisations import get_organisation
from gateway.storage import ObjectMissing, StoreUnavailable
from gateway.web.forms import Form
from gateway.web.i18n import gettext as _
from gateway.web.pages import render

UPLOADS = ("org_documents.upload", "documents_api.upload")
# The other fields of the form, and the envelope of the file.
FORM_BYTES = 1 << 16
blueprint = Blueprint("org_documents", __name__, template_folder="templates")


def install(app: Flask) -> None:
    """Take documents, which are larger than other bodies, from people who are signed in."""

    def raise_limit(endpoint: str | None, _values: dict[str, str] | None) -> None:
        if endpoint in UPLOADS and request.method == "POST" and _signed_in():
            request.max_content_length = papers.MAX_BYTES + FORM_BYTES

    app.url_value_preprocessor(raise_limit)


@blueprint.get("/orgs/<uuid:organisation_id>/documents")
def overview(organisation_id: uuid.UUID) -> str:
    """The documents, with the form for another."""
    require_person()
    return _page(organisation_id, Form())


@blueprint.post("/orgs/<uuid:organisation_id>/documents")
def upload(organisation_id: uuid.UUID) -> ResponseReturnValue:
    """Upload one."""
    require_person()
    check_uploader(organisation_id)
    result = submitted(DocumentForm, lambda form: _add(organisation_id, form))
    if result.done is None:
        return _page(organisation_id, result.form), result.status
    text = _("The document is uploaded. Data stewards can read it.")
    return done(text, url_for("org_documents.overview", organisation_id=organisation_id))


@blueprint.get("/organisation-documents/<uuid:document_id>")
def download(document_id: uuid.UUID) -> Response:
    """One document, as a download."""
    return file_of(document_id)


def file_of(document_id: uuid.UUID) -> Response:
    """A document's bytes, never shown within the page. Raises Problem 404, 503."""
    try:
        data = documents.read(rt(), require_person(), document_id)
    except (ObjectMissing, StoreUnavailable) as error:
        raise Problem(ProblemCode.STORAGE_UNAVAILABLE) from error
    kind = papers.kind_of(data)
    response = Response(data, content_type=kind.media_type if kind else "application/octet-stream")
    name = f"document-{document_id}.{kind.ending if kind else 'bin'}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "no-store"
    return response


def check_uploader(organisation_id: uuid.UUID) -> None:
    """Refuse before the body is read. Raises Problem 403, 404."""
    with rt().db.read() as session:
        documents.check_uploader(session, actor(), get_organisation(session, organisation_id))


def readable(session: Session, organisation_id: uuid.UUID) -> Organisation:
    """The organisation, for those who may see its documents. Raises Problem 403, 404."""
    organisation = get_organisation(session, organisation_id)
    if not documents.may_read(session, rt(), actor(), organisation_id):
        raise manager_missing(actor(), "데이터 관리 담당자", "a data steward")
    return organisation


def panel(organisation_id: uuid.UUID, **_context: object) -> Markup:
    """The documents, for those who may read them."""
    with rt().db.read() as session:
        if not documents.may_read(session, rt(), actor(), organisation_id):
            return Markup("")
    return Markup(_body(organisation_id, Form()))  # noqa: S704 the template escapes


def _signed_in() -> bool:
    presented = authenticate(current_app.extensions["sumun"], request)
    return presented is not None and presented.live is not None


def _add(organisation_id: uuid.UUID, form: DocumentForm) -> OrganisationDocument:
    file = request.files.get("file")
    paper = file.read() if file is not None and file.filename else b""
    return documents.add(rt(), actor(), organisation_id, form.title, paper)


def _page(organisation_id: uuid.UUID, form: Form) -> str:
    with rt().db.read() as session:
        org = readable(session, organisation_id)
    body = Markup(_body(organisation_id, form))  # noqa: S704 the template escapes
    return str(render("identity/org_part.html", org=org, heading=_("Documents"), body=body))


def _body(organisation_id: uuid.UUID, form: Form) -> str:
    with rt().db.read() as session:
        org = get_organisation(session, organisation_id)
        rows = documents.documents_of(session, organisation_id)
        uploads = documents.may_upload(session, actor(), org)
    return str(
        render("identity/org_documents.html", org=org, rows=rows, uploads=uploads, form=form)
    )
