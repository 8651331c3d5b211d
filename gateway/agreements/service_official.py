"""An organisation's signature: its signing official signs from the mailed link, without an account.

Unknown, used, cancelled and expired links get one answer. Whoever asks chooses the address, so a
signature counts at once only from that of the registered signing official; any other waits for
somebody who compares it with the document (`service_confirm`). Signing again renews: the earlier
signature of the same agreement ends in the transaction in which the new one begins to count.
"""

from __future__ import annotations

import dataclasses
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway import ids
from gateway.agreements import officials
from gateway.agreements.models import (
    AgreementVersion,
    OrganisationAcceptance,
    SignatureMethod,
    SignatureRequest,
)
from gateway.agreements.officials import Addressee
from gateway.agreements.service import entry
from gateway.agreements.service_signing import check_in_force, plain
from gateway.errors import Problem, ProblemCode
from gateway.identity import guessing, papers, rules, throttle
from gateway.identity.models import Organisation, OrganisationStatus
from gateway.identity.refusals import manager_missing
from gateway.identity.service_organisations import is_manager, is_steward
from gateway.identity.service_sessions import digest
from gateway.identity.throttle import Kind
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.runtime import Runtime
from gateway.security.throttle import group

TITLE_LENGTH = 120


class Capacity(StrEnum):
    """By what right somebody signs for an organisation."""

    REPRESENTATIVE = "representative"
    AUTHORISED = "authorised"


@dataclass(frozen=True, slots=True)
class OfficialSigning:
    """What the official hands in; `letter` is the bytes of the document, if any."""

    sha256: str
    typed_name: str
    title: str
    capacity: Capacity
    language: str
    letter: bytes | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """What an open link leads to, and the member whose address it was mailed to, if any."""

    request: SignatureRequest
    version: AgreementVersion
    organisation: Organisation
    addressee: Addressee | None

    @property
    def registered(self) -> bool:
        """Whether the link went to the organisation's registered signing official."""
        return self.addressee is not None and self.addressee.registered


def opened(runtime: Runtime, token: str) -> Opened:
    """What the link asks for.

    Raises Problem NOT_FOUND for a link that does not hold, WRONG_STATE when the text is no longer
    in force or the organisation no longer verified.
    """
    with runtime.db.read() as session:
        found = _open(session, token, runtime.clock.now())
        if found is None:
            raise _no_link()
        _check_signable(runtime, found)
        return found


def is_open(runtime: Runtime, token: str) -> bool:
    """Whether a link holds at this moment."""
    with runtime.db.read() as session:
        return _open(session, token, runtime.clock.now()) is not None


def sign(
    runtime: Runtime, actor: Actor, token: str, signing: OfficialSigning
) -> OrganisationAcceptance:
    """Sign for the organisation, and use the link up; only the registered official's counts yet.

    Raises Problem as `opened`, 422 for a field, 413 for the letter, 429 while the address is
    blocked, CONFLICT when signed twice at once.
    """
    _check_link(runtime, actor, token)
    _check_fields(opened(runtime, token), signing)
    letter = None if signing.letter is None else runtime.store.put(signing.letter)
    try:
        with runtime.db.write() as session:
            found = _open(session, token, runtime.clock.now(), lock=True)
            if found is None:
                raise _no_link()
            _check_signable(runtime, found)
            # The official's registration may have ended since.
            _check_fields(found, signing)
            found.request.used_at, found.request.official_email = runtime.clock.now(), ""
            made = _accepted(runtime, found, signing, letter)
            officials.end_earlier(session, made, runtime.clock.now(), counts=found.registered)
            session.add(made)
            session.flush()
            runtime.journal.record(session, _signed(actor, found, made))
            return made
    except IntegrityError as error:
        raise Problem(ProblemCode.CONFLICT) from error


def end(runtime: Runtime, actor: Actor, signature_id: uuid.UUID) -> uuid.UUID:
    """Take an organisation's signature back, by its manager or a steward; what rests on it closes
    at once. Returns the organisation's id. Raises Problem 403, 404, or 409 when it has ended."""
    with runtime.db.write() as session:
        row = session.get(OrganisationAcceptance, signature_id, with_for_update=True)
        if row is None:
            raise Problem(ProblemCode.NOT_FOUND)
        if not may_end(runtime, session, actor, row.organisation_id):
            raise manager_missing(actor, "데이터 관리 담당자", "a data steward")
        if row.ended_at is not None:
            raise Problem(ProblemCode.WRONG_STATE)
        row.ended_at = runtime.clock.now()
        version = session.get_one(AgreementVersion, row.agreement_version_id)
        told = {"organisation": str(row.organisation_id), "signature": str(row.id)}
        event = entry(actor, Act.AGREEMENT_SIGNATURE_ENDED, version, **told)
        runtime.journal.record(session, event)
        return row.organisation_id


def may_end(runtime: Runtime, session: Session, actor: Actor, organisation_id: uuid.UUID) -> bool:
    """Whether the actor may end the organisation's signatures and read its letters."""
    return is_manager(session, actor, organisation_id) or is_steward(session, runtime, actor)


def letter_of(runtime: Runtime, actor: Actor, signature_id: uuid.UUID) -> bytes:
    """The document behind a signature, for a manager or a steward; reading is an event.

    Raises Problem 403, 404, gateway.storage.StoreUnavailable, audit.errors.LogUnavailable.
    """
    with runtime.db.read() as session:
        row = session.get(OrganisationAcceptance, signature_id)
        if row is None:
            raise Problem(ProblemCode.NOT_FOUND)
        if not may_end(runtime, session, actor, row.organisation_id):
            raise manager_missing(actor, "데이터 관리 담당자", "a data steward")
        version = session.get_one(AgreementVersion, row.agreement_version_id)
    if row.letter_sha256 is None:
        raise Problem(ProblemCode.NOT_FOUND)
    told = {"organisation": str(row.organisation_id), "letter": row.letter_sha256}
    runtime.journal.append(entry(actor, Act.AGREEMENT_LETTER_READ, version, **told))
    size = runtime.store.size(row.letter_sha256)
    return runtime.store.read(row.letter_sha256, 0, size)


def _open(session: Session, token: str, now: datetime, *, lock: bool = False) -> Opened | None:
    statement = _live(token, now)
    request = session.scalar(statement.with_for_update() if lock else statement)
    if request is None:
        return None
    version = session.get_one(AgreementVersion, request.agreement_version_id)
    organisation = session.get_one(Organisation, request.organisation_id)
    whose = officials.addressee(session, organisation.id, request.official_email)
    return Opened(request, version, organisation, whose)


def _live(token: str, now: datetime) -> Select[SignatureRequest]:
    return (
        select(SignatureRequest)
        .where(SignatureRequest.token_sha256 == digest(token))
        .where(SignatureRequest.used_at.is_(None), SignatureRequest.cancelled_at.is_(None))
        .where(SignatureRequest.expires_at > now)
    )


def _check_signable(runtime: Runtime, found: Opened) -> None:
    check_in_force(found.version, runtime.clock.now())
    if found.organisation.status != OrganisationStatus.VERIFIED:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "이 기관은 지금 서명할 수 없습니다. 요청한 사람에게 문의해 주십시오.",
            "Nothing can be signed for this organisation now. Please ask whoever sent the request.",
        )


def _check_link(runtime: Runtime, actor: Actor, token: str) -> None:
    """Count this try; only one at a link that does not hold stays counted."""
    counted = [throttle.subject(runtime, Kind.SIGNATURE_LINK, group(actor.place.address or ""))]
    guessing.attempt(runtime, Entry(actor, Act.AGREEMENT_SIGNATURE_REFUSED), counted)
    if not is_open(runtime, token):
        refusal = Entry(actor, Act.AGREEMENT_SIGNATURE_REFUSED, Outcome.DENY, reason="link_invalid")
        runtime.folding.record(refusal)
        raise _no_link()
    with runtime.db.write() as session:
        throttle.succeeded(session, counted)


def _check_fields(found: Opened, signing: OfficialSigning) -> None:
    if signing.sha256 != found.version.sha256:
        raise Problem(ProblemCode.WRONG_STATE)
    rules.line("title", signing.title, TITLE_LENGTH)
    if plain(signing.typed_name) != plain(found.request.official_name):
        rules.refuse(
            "typed_name",
            "서명 요청에 적힌 이름을 그대로 입력해 주십시오. 이름이 다르면 요청한 사람에게 알려 "
            "주십시오.",
            "Type the name exactly as it stands in the request. If it is not yours, tell whoever "
            "sent the request.",
        )
    if signing.letter is not None:
        papers.check(signing.letter, "letter")
    elif signing.capacity is Capacity.AUTHORISED or not found.registered:
        rules.refuse(
            "letter",
            "위임장이나 대표자임을 증명하는 서류를 올려 주십시오.",
            "Upload the letter of authority, or the proof that you represent the organisation.",
        )


def _accepted(
    runtime: Runtime, found: Opened, signing: OfficialSigning, letter: str | None
) -> OrganisationAcceptance:
    now, version = runtime.clock.now(), found.version
    return OrganisationAcceptance(
        id=ids.new(runtime.clock),
        organisation_id=found.organisation.id,
        agreement_version_id=version.id,
        code=version.code,
        sha256=version.sha256,
        request_id=found.request.id,
        method=SignatureMethod.MAILED_LINK,
        official_name=plain(signing.typed_name),
        official_title=rules.line("title", signing.title, TITLE_LENGTH),
        official_id=found.addressee.person_id if found.addressee else None,
        letter_sha256=letter,
        language=signing.language,
        accepted_at=now,
        confirmed_at=now if found.registered else None,
        expires_at=now + timedelta(days=int(version.terms["acceptance_valid_days"])),
    )


def _signed(actor: Actor, found: Opened, made: OrganisationAcceptance) -> Entry:
    """The official has no account: the name is sealed with what else is known of a visitor."""
    official = dataclasses.replace(
        actor, organisation_id=found.organisation.id, personal={"name": made.official_name}
    )
    told = {
        "organisation": str(found.organisation.id),
        "request": str(found.request.id),
        "method": str(made.method),
        "language": made.language,
        "counts": "at_once" if found.registered else "once_confirmed",
    }
    letter = {"letter": made.letter_sha256} if made.letter_sha256 else {}
    act = Act.AGREEMENT_ORGANISATION_SIGNED
    return entry(official, act, found.version, **told, **letter)


def _no_link() -> Problem:
    return Problem(
        ProblemCode.NOT_FOUND,
        "이 서명 주소는 이미 썼거나 취소되었거나 유효 기간이 지났습니다. 요청한 사람에게 새로 "
        "요청해 달라고 알려 주십시오.",
        "This address was used or cancelled, or has run out. Please ask whoever sent the request "
        "for a new one.",
    )
