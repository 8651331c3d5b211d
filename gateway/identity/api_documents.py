"""An organisation's documents, for programs of those who run it and of stewards."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict

from gateway.identity import service_documents as documents
from gateway.identity.http import require_person, rt
from gateway.identity.models_organisations import OrganisationDocument
from gateway.identity.pages_documents import check_uploader, file_of, readable
from gateway.identity.schemas_organisations import DocumentForm
from gateway.web.forms import parse_query
from gateway.web.openapi import documented

TAG = "organisations"
api = Blueprint("documents_api", __name__, url_prefix="/api/v1")


class DocumentOut(BaseModel):
    """A document; `sha256` is of its bytes."""

    model_config = ConfigDict(frozen=True)

    id: uuid.UUID
    title: str
    sha256: str
    size: int
    uploaded_at: datetime


class DocumentList(BaseModel):
    """The documents of an organisation, newest first."""

    model_config = ConfigDict(frozen=True)

    items: list[DocumentOut]


@api.get("/organisations/<uuid:organisation_id>/documents")
@documented(tag=TAG, answer=DocumentList)
def listed(organisation_id: uuid.UUID) -> dict[str, Any]:
    """The documents of an organisation, for those who run it and for stewards."""
    require_person()
    with rt().db.read() as session:
        readable(session, organisation_id)
        rows = documents.documents_of(session, organisation_id)
    return DocumentList(items=[_out(row) for row in rows]).model_dump(mode="json")


@api.post("/organisations/<uuid:organisation_id>/documents")
@documented(tag=TAG, query=DocumentForm, answer=DocumentOut, status=201)
def upload(organisation_id: uuid.UUID) -> tuple[dict[str, Any], int]:
    """Upload a PDF, PNG or JPEG of at most 5 MB as the body."""
    me = require_person()
    check_uploader(organisation_id)
    query = parse_query(DocumentForm)
    row = documents.add(rt(), me, organisation_id, query.title, request.get_data())
    return _out(row).model_dump(mode="json"), 201


@api.get("/organisation-documents/<uuid:document_id>")
@documented(tag=TAG)
def download(document_id: uuid.UUID) -> Response:
    """One document, as a download; that it was read is recorded first."""
    return file_of(document_id)


def _out(row: OrganisationDocument) -> DocumentOut:
    return DocumentOut(**{name: getattr(row, name) for name in DocumentOut.model_fields})
