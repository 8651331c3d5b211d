"""Signatures: a person accepts one hash of an agreement by typing their own name."""

from __future__ import annotations

import unicodedata
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway import ids
from gateway.agreements.models import (
    Acceptance,
    AgreementState,
    AgreementVersion,
    SignatureMethod,
)
from gateway.agreements.service import every, missing
from gateway.db import UtcDateTime
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Membership, Organisation, Person
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime
from policies.terms import Signature

LANGUAGES = ("ko", "en")


@dataclass(frozen=True, slots=True)
class Signing:
    """What a person hands in: the hash they read, their name as typed, for whom they sign."""

    sha256: str
    typed_name: str
    language: str
    organisation_id: uuid.UUID | None = None


def sign(runtime: Runtime, actor: Actor, signing: Signing) -> Acceptance:
    """Accept the version in force with this hash, by typing one's own name.

    Signing again renews: the earlier acceptance ends in the same transaction. Raises Problem
    VALIDATION_FAILED (another name, organisation missing), WRONG_STATE (hash not in force),
    NOT_FOUND, CONFLICT (signed twice at once).
    """
    try:
        with runtime.db.write() as session:
            return sign_in(session, runtime, actor, signing)
    except IntegrityError as error:
        raise Problem(ProblemCode.CONFLICT) from error


def sign_in(session: Session, runtime: Runtime, actor: Actor, signing: Signing) -> Acceptance:
    """The same in the caller's transaction, who turns IntegrityError into a problem."""
    if signing.language not in LANGUAGES:
        raise _invalid("language", "언어를 선택해 주십시오.", "Please choose a language.")
    version = _signable(session, signing.sha256, runtime.clock.now())
    person = session.get_one(Person, actor.person_id)
    _check_name(person, signing.typed_name)
    _check_organisation(session, version, person.id, signing.organisation_id)
    acceptance = _accept(runtime, session, version, person, signing)
    runtime.journal.record(session, _signed(actor, version, signing))
    return acceptance


@dataclass(frozen=True, slots=True)
class Signed:
    """A person's live signature of an agreement, with the number of the version signed."""

    number: int
    acceptance: Acceptance

    def covers(self, version: AgreementVersion) -> bool:
        """Whether `version` asks its signer for nothing: minor changes carry signatures over."""
        return version.signed_from <= self.number <= version.number


def live_signatures(session: Session, person_id: uuid.UUID, now: datetime) -> dict[str, Signed]:
    """The person's signatures that neither ended nor expired, by the agreement's code."""
    rows = session.execute(
        select(Acceptance, AgreementVersion.number)
        .join(AgreementVersion, AgreementVersion.id == Acceptance.agreement_version_id)
        .where(
            Acceptance.person_id == person_id,
            Acceptance.ended_at.is_(None),
            Acceptance.expires_at > now,
        )
        .order_by(AgreementVersion.number)
    )
    return {row.code: Signed(number, row) for row, number in rows}


def grace_ends(session: Session, code: str, number: int) -> datetime | None:
    """Until when a signature of version `number` holds beside those that accept it no longer."""
    return session.scalar(
        select(func.min(AgreementVersion.grace_ends_at, type_=UtcDateTime())).where(
            AgreementVersion.code == code,
            AgreementVersion.in_force_at.is_not(None),
            AgreementVersion.signed_from > number,
        )
    )


def organisations_of(session: Session, person_id: uuid.UUID) -> list[Organisation]:
    """The organisations a person may sign for: live, confirmed memberships."""
    return list(
        session.scalars(
            select(Organisation)
            .join(Membership, Membership.organisation_id == Organisation.id)
            .where(Membership.person_id == person_id, Membership.ended_at.is_(None))
            .where(Membership.confirmed_by.is_not(None))
            .order_by(Organisation.name)
        )
    )


def needs_organisation(version: AgreementVersion) -> bool:
    """Whether a person signs this text for an organisation as well."""
    return bool(version.terms["signature"] == Signature.PERSONAL_AND_ORGANISATION)


def _signable(session: Session, sha256: str, now: datetime) -> AgreementVersion:
    version = session.scalar(every().where(AgreementVersion.sha256 == sha256))
    if version is None:
        missing()
    check_in_force(version, now)
    return version


def check_in_force(version: AgreementVersion, now: datetime) -> None:
    """Raise Problem WRONG_STATE for a text that is not in force at `now`."""
    over = version.ends_at is not None and version.ends_at <= now
    if version.state != AgreementState.IN_FORCE or over:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "읽으신 이용협약은 더 이상 시행 중이 아닙니다. 새 버전을 읽고 서명해 주십시오.",
            "The text you read is no longer in force. Read the new version and sign that.",
        )


def _check_name(person: Person, typed: str) -> None:
    if plain(typed) != plain(person.name):
        raise _invalid(
            "typed_name",
            "계정에 등록된 본인 이름을 그대로 입력해 주십시오.",
            "Type your own name exactly as it stands in your account.",
        )


def plain(name: str) -> str:
    """A name in NFC with single blanks, as names are compared and stored."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def _check_organisation(
    session: Session,
    version: AgreementVersion,
    person_id: uuid.UUID,
    organisation_id: uuid.UUID | None,
) -> None:
    own = {row.id for row in organisations_of(session, person_id)}
    absent = organisation_id is None and needs_organisation(version)
    if absent or (organisation_id is not None and organisation_id not in own):
        raise _invalid(
            "organisation_id",
            "서명할 소속기관을 선택해 주십시오. 구성원으로 확인된 기관만 선택할 수 있습니다.",
            "Choose the organisation you sign for; your membership of it must be confirmed.",
        )


def _invalid(field: str, ko: str, en: str) -> Problem:
    return Problem(ProblemCode.VALIDATION_FAILED, ko, en, field=field)


def _accept(
    runtime: Runtime,
    session: Session,
    version: AgreementVersion,
    person: Person,
    signing: Signing,
) -> Acceptance:
    now = runtime.clock.now()
    for earlier in session.scalars(
        select(Acceptance)
        .where(Acceptance.person_id == person.id, Acceptance.code == version.code)
        .where(Acceptance.ended_at.is_(None))
    ):
        earlier.ended_at = now
    session.flush()
    acceptance = Acceptance(
        id=ids.new(runtime.clock),
        person_id=person.id,
        organisation_id=signing.organisation_id,
        agreement_version_id=version.id,
        code=version.code,
        sha256=version.sha256,
        method=SignatureMethod.TYPED_NAME,
        typed_name=plain(signing.typed_name),
        language=signing.language,
        accepted_at=now,
        expires_at=now + timedelta(days=int(version.terms["acceptance_valid_days"])),
    )
    session.add(acceptance)
    session.flush()
    return acceptance


def _signed(actor: Actor, version: AgreementVersion, signing: Signing) -> Entry:
    organisation = {"organisation": str(signing.organisation_id)} if signing.organisation_id else {}
    return Entry(
        actor,
        Act.AGREEMENT_SIGNED,
        ref=f"agreement:{version.code}/v{version.number}",
        detail={
            "sha256": version.sha256,
            "method": str(SignatureMethod.TYPED_NAME),
            "language": signing.language,
            **organisation,
        },
    )
