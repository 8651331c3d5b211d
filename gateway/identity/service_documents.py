"""Documents that speak for an organisation: uploaded by whoever registered or manages it, read by
stewards before they decide. The bytes lie in the object store under their SHA-256."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway import ids
from gateway.errors import Problem, ProblemCode
from gateway.identity import papers, rules
from gateway.identity.models import Organisation
from gateway.identity.models_organisations import OrganisationDocument
from gateway.identity.refusals import manager_missing
from gateway.identity.service_organisations import get_organisation, is_manager, is_steward
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime

TITLE_LENGTH = 120
MOST = 20


def add(
    runtime: Runtime, actor: Actor, organisation_id: uuid.UUID, title: str, paper: bytes
) -> OrganisationDocument:
    """Keep a document, by whoever registered the organisation or manages it.

    Raises Problem 403, 404, 409 for the same document or more than 20, 413 and 422 for the file.
    """
    assert actor.person_id is not None
    name = rules.line("title", title, TITLE_LENGTH)
    with runtime.db.read() as session:
        check_uploader(session, actor, get_organisation(session, organisation_id))
    papers.check(paper, "file")
    row = OrganisationDocument(
        id=ids.new(runtime.clock),
        organisation_id=organisation_id,
        title=name,
        # Stored before the row is: bytes without a row harm nobody, a row without bytes would.
        sha256=runtime.store.put(paper),
        size=len(paper),
        uploaded_by=actor.person_id,
        uploaded_at=runtime.clock.now(),
    )
    try:
        with runtime.db.write() as session:
            organisation = get_organisation(session, organisation_id, lock=True)
            check_uploader(session, actor, organisation)
            _check_number(session, organisation_id)
            session.add(row)
            session.flush()
            runtime.journal.record(session, _entry(actor, Act.ORGANISATION_DOCUMENT_ADDED, row))
    except IntegrityError as error:
        raise Problem(
            ProblemCode.CONFLICT,
            "이미 올린 서류입니다.",
            "This document has been uploaded already.",
            field="file",
        ) from error
    return row


def read(runtime: Runtime, actor: Actor, document_id: uuid.UUID) -> bytes:
    """The bytes of a document, for stewards and for those who may upload one; first the event.

    Raises Problem 404 for everybody else as well, audit.errors.LogUnavailable,
    gateway.storage.ObjectMissing or StoreUnavailable.
    """
    with runtime.db.read() as session:
        row = session.get(OrganisationDocument, document_id)
        if row is None or not may_read(session, runtime, actor, row.organisation_id):
            raise Problem(ProblemCode.NOT_FOUND)
    data = runtime.store.read(row.sha256, 0, row.size)
    runtime.journal.append(_entry(actor, Act.ORGANISATION_DOCUMENT_READ, row))
    return data


def documents_of(session: Session, organisation_id: uuid.UUID) -> Sequence[OrganisationDocument]:
    """An organisation's documents, newest first."""
    return session.scalars(
        select(OrganisationDocument)
        .where(OrganisationDocument.organisation_id == organisation_id)
        .order_by(OrganisationDocument.id.desc())
    ).all()


def may_upload(session: Session, actor: Actor, organisation: Organisation) -> bool:
    """Whether the actor registered the organisation or manages it."""
    if actor.person_id is None:
        return False
    return actor.person_id == organisation.created_by or is_manager(session, actor, organisation.id)


def may_read(session: Session, runtime: Runtime, actor: Actor, organisation_id: uuid.UUID) -> bool:
    """Whether the actor may see the organisation's documents."""
    organisation = get_organisation(session, organisation_id)
    return may_upload(session, actor, organisation) or is_steward(session, runtime, actor)


def check_uploader(session: Session, actor: Actor, organisation: Organisation) -> None:
    """Raise Problem 403 for everybody who may not upload."""
    if not may_upload(session, actor, organisation):
        raise manager_missing(actor, "기관을 등록한 사람", "whoever registered it")


def _check_number(session: Session, organisation_id: uuid.UUID) -> None:
    if len(documents_of(session, organisation_id)) >= MOST:
        raise Problem(
            ProblemCode.CONFLICT,
            f"서류는 {MOST}건까지 올릴 수 있습니다.",
            f"An organisation has {MOST} documents at most.",
            field="file",
        )


def _entry(actor: Actor, act: Act, row: OrganisationDocument) -> Entry:
    detail = {"organisation": str(row.organisation_id), "sha256": row.sha256}
    return Entry(actor, act, ref=f"organisation_document:{row.id}", detail=detail)
