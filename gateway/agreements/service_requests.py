"""Asking a signing official for an organisation's signature, by a link that is mailed to them.

The link works once and for a fortnight. Its token follows from the request's id under a key
outside the database, so the database never holds it: not in the request, not in the mail's job.
Whoever asks never sees it either.
"""

from __future__ import annotations

import hmac
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway import ids
from gateway.agreements import officials
from gateway.agreements.models import AgreementVersion, SignatureRequest
from gateway.agreements.service import entry, in_force, missing
from gateway.clock import to_ms
from gateway.errors import Problem, ProblemCode
from gateway.identity import rules, throttle
from gateway.identity.models import Membership, MembershipKind, OrganisationStatus, Person
from gateway.identity.refusals import manager_missing
from gateway.identity.service_organisations import get_organisation, is_manager
from gateway.identity.service_sessions import digest
from gateway.identity.throttle import Blocked, Kind
from gateway.jobs import queue
from gateway.journal import Act, Actor
from gateway.keys import Purpose
from gateway.runtime import Runtime

LIFETIME = timedelta(days=14)
MAIL_JOB = "agreements.signature_mail"
LABEL = b"sumun-signature-link-v1"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which agreement is to be signed, and by whom."""

    code: str
    official_name: str
    official_email: str


def ask(
    runtime: Runtime, actor: Actor, organisation_id: uuid.UUID, asked: Asked
) -> SignatureRequest:
    """Have the link mailed to the signing official; an earlier open request for it is cancelled.

    Any confirmed member may ask. Raises Problem 403 for others, 404 for the organisation or
    agreement, 409 while the organisation is not verified, 422 for a field, 429 for too many.
    """
    assert actor.person_id is not None
    name, email = _name(asked.official_name), _email(asked.official_email)
    _count(runtime, actor, organisation_id)
    with runtime.db.write() as session:
        _check_organisation(session, organisation_id)
        email = _mailed_to(session, actor, organisation_id, email)
        version = in_force(session, asked.code) or missing()
        _end_open(runtime, session, actor, organisation_id, asked.code)
        request = _request(runtime, actor, organisation_id, version, (name, email))
        session.add(request)
        session.flush()
        key, payload = mail_key(request.id), {"request": str(request.id)}
        queue.enqueue(session, runtime.clock, MAIL_JOB, key, payload)
        _record(runtime, session, actor, Act.AGREEMENT_SIGNATURE_REQUESTED, request)
        return request


def cancel(runtime: Runtime, actor: Actor, request_id: uuid.UUID) -> uuid.UUID:
    """End an open request, by the member who asked or a manager; returns the organisation's id.

    Raises Problem 403, 404, or 409 when it is no longer open.
    """
    with runtime.db.write() as session:
        request = session.get(SignatureRequest, request_id, with_for_update=True)
        if request is None:
            raise Problem(ProblemCode.NOT_FOUND)
        asked = request.requested_by == actor.person_id
        belongs = member_of(session, actor, request.organisation_id) is not None
        if not (asked and belongs) and not is_manager(session, actor, request.organisation_id):
            raise manager_missing(
                actor, "서명을 요청한 구성원", "the member who asked for the signature"
            )
        if request.used_at is not None or request.cancelled_at is not None:
            raise Problem(ProblemCode.WRONG_STATE)
        _cancel(runtime, session, actor, request)
        return request.organisation_id


def token_of(runtime: Runtime, request_id: uuid.UUID) -> str:
    """The secret part of a request's link."""
    key = runtime.keys.current(Purpose.LOOKUP).material
    return urlsafe_b64encode(hmac.digest(key, LABEL + request_id.bytes, "sha256")).decode()


def mail_key(request_id: uuid.UUID) -> str:
    """What the mail of a request is called: its job, and its file in the outbox."""
    return f"signature-{request_id}"


def member_of(session: Session, actor: Actor, organisation_id: uuid.UUID) -> Membership | None:
    """The actor's confirmed, live membership of an organisation."""
    return session.scalar(
        select(Membership).where(
            Membership.organisation_id == organisation_id,
            Membership.person_id == actor.person_id,
            Membership.ended_at.is_(None),
            Membership.confirmed_by.is_not(None),
        )
    )


def forget_addresses(runtime: Runtime) -> None:
    """Remove officials' addresses from requests that have run out."""
    stale = (SignatureRequest.expires_at <= runtime.clock.now()) & (
        SignatureRequest.official_email != ""
    )
    with runtime.db.read() as session:
        if session.scalar(select(SignatureRequest.id).where(stale).limit(1)) is None:
            return
    with runtime.db.write() as session:
        session.execute(update(SignatureRequest).where(stale).values(official_email=""))


def _count(runtime: Runtime, actor: Actor, organisation_id: uuid.UUID) -> None:
    """Count this request for its organisation. Raises Problem 403 for others, 404, 429."""
    with runtime.db.read() as session:
        get_organisation(session, organisation_id)
        _member(session, actor, organisation_id)
    subject = throttle.subject(runtime, Kind.SIGNATURE_REQUEST, str(organisation_id))
    try:
        throttle.attempt(runtime, [subject])
    except Blocked as blocked:
        raise blocked.problem from None


def _name(text: str) -> str:
    return rules.line("official_name", text, rules.NAME_LENGTH)


def _email(text: str) -> str:
    try:
        return rules.email(text)
    except Problem as problem:
        raise Problem(
            problem.code, problem.detail_ko, problem.detail_en, field="official_email"
        ) from None


def _check_organisation(session: Session, organisation_id: uuid.UUID) -> None:
    if get_organisation(session, organisation_id, lock=True).status != OrganisationStatus.VERIFIED:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "기관이 확인된 뒤에 서명을 요청할 수 있습니다.",
            "A signature can be asked for once the organisation is verified.",
        )


def _member(session: Session, actor: Actor, organisation_id: uuid.UUID) -> Membership:
    found = member_of(session, actor, organisation_id)
    if found is None:
        raise manager_missing(actor, "구성원", "a confirmed member")
    return found


def _mailed_to(session: Session, actor: Actor, organisation_id: uuid.UUID, email: str) -> str:
    """Nobody signs their own request, unless they are the organisation's signing official; the
    registered official's link goes to the address of the account, letter for letter."""
    own = _member(session, actor, organisation_id)
    same = rules.mailbox(session.get_one(Person, own.person_id).email)
    if same == rules.mailbox(email) and own.kind != MembershipKind.SIGNING_OFFICIAL:
        raise Problem(
            ProblemCode.VALIDATION_FAILED,
            "서명권자의 메일 주소를 입력해 주십시오. 본인 주소로는 요청할 수 없습니다.",
            "Give the signing official's address; a request cannot go to your own.",
            field="official_email",
        )
    found = officials.addressee(session, organisation_id, email)
    return found.email if found is not None and found.registered else email


def _end_open(
    runtime: Runtime, session: Session, actor: Actor, organisation_id: uuid.UUID, code: str
) -> None:
    waiting = (
        select(SignatureRequest)
        .join(AgreementVersion, AgreementVersion.id == SignatureRequest.agreement_version_id)
        .where(SignatureRequest.organisation_id == organisation_id, AgreementVersion.code == code)
        .where(SignatureRequest.used_at.is_(None), SignatureRequest.cancelled_at.is_(None))
    )
    for earlier in session.scalars(waiting):
        _cancel(runtime, session, actor, earlier)


def _cancel(runtime: Runtime, session: Session, actor: Actor, request: SignatureRequest) -> None:
    request.cancelled_at, request.official_email = runtime.clock.now(), ""
    _record(runtime, session, actor, Act.AGREEMENT_SIGNATURE_CANCELLED, request)


def _request(
    runtime: Runtime,
    actor: Actor,
    organisation_id: uuid.UUID,
    version: AgreementVersion,
    official: tuple[str, str],
) -> SignatureRequest:
    assert actor.person_id is not None
    now, request_id = runtime.clock.now(), ids.new(runtime.clock)
    return SignatureRequest(
        id=request_id,
        token_sha256=digest(token_of(runtime, request_id)),
        organisation_id=organisation_id,
        agreement_version_id=version.id,
        official_name=official[0],
        official_email=official[1],
        requested_by=actor.person_id,
        created_at=now,
        expires_at=now + LIFETIME,
    )


def _record(
    runtime: Runtime, session: Session, actor: Actor, act: Act, request: SignatureRequest
) -> None:
    """The event names organisation and request; the official's name and address stay out."""
    version = session.get_one(AgreementVersion, request.agreement_version_id)
    told = {
        "organisation": str(request.organisation_id),
        "request": str(request.id),
        "expires_ms": to_ms(request.expires_at),
    }
    runtime.journal.record(session, entry(actor, act, version, **told))
