"""Acceptance of the site's own terms and privacy notice, by the hash of both texts."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway import ids
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Person, SiteConsent
from gateway.identity.site_documents import SiteDocument, current_hashes
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime


def accept_documents(runtime: Runtime, actor: Actor, consents: Mapping[SiteDocument, str]) -> None:
    """Record that a person accepts the texts in force; accepting twice changes nothing.

    Raises Problem 409 when a text has changed since it was shown.
    """
    check_consents(consents)
    with runtime.db.write() as session:
        person = session.get_one(Person, actor.person_id)
        missing = consents_due(session, person.id)
        record_consents(
            session, runtime, person, {document: consents[document] for document in missing}
        )
        entry = Entry(
            actor,
            Act.PERSON_CONSENTED,
            subjects=[person.id],
            ref=f"person:{person.id}",
            detail={"accepted": {str(document): consents[document] for document in missing}},
        )
        if missing:
            runtime.journal.record(session, entry)


def consents_due(session: Session, person_id: uuid.UUID) -> list[SiteDocument]:
    """The site's documents whose present text the person has not accepted."""
    given = set(
        session.scalars(select(SiteConsent.sha256).where(SiteConsent.person_id == person_id))
    )
    return [document for document, sha256 in current_hashes().items() if sha256 not in given]


def check_consents(consents: Mapping[SiteDocument, str]) -> None:
    """Raise Problem 409 unless `consents` name the texts in force."""
    if dict(consents) != current_hashes():
        raise Problem(
            ProblemCode.CONFLICT,
            "이용약관 또는 개인정보 처리방침이 바뀌었습니다. 새 내용을 읽고 다시 동의해 주십시오.",
            "The terms or the privacy notice have changed. Please read and accept the new text.",
        )


def record_consents(
    session: Session, runtime: Runtime, person: Person, consents: Mapping[SiteDocument, str]
) -> None:
    """Store acceptances in the caller's transaction."""
    for document, sha256 in consents.items():
        session.add(
            SiteConsent(
                id=ids.new(runtime.clock),
                person_id=person.id,
                document=document,
                sha256=sha256,
                accepted_at=runtime.clock.now(),
            )
        )
