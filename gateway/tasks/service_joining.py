"""The light sign-up: account, site documents and the crowd-work agreement, all of it or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from gateway.access.query import CROWD_AGREEMENT
from gateway.agreements import service as agreements
from gateway.agreements.models import AgreementVersion
from gateway.agreements.service_signing import Signing, sign_in
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Person
from gateway.identity.service_crowd import NewWorker, prepare, store
from gateway.identity.site_documents import SiteDocument
from gateway.journal import Actor
from gateway.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Read:
    """The texts that were read and accepted, by the hashes that were shown."""

    consents: Mapping[SiteDocument, str]
    agreement_sha256: str


def agreement(runtime: Runtime) -> AgreementVersion:
    """The crowd-work agreement in force. Raises Problem 409 where there is none."""
    with runtime.db.read() as session:
        found = [row for row in agreements.current(session) if row.code == CROWD_AGREEMENT]
    if not found:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "지금은 크라우드 작업자를 모집하지 않습니다. "
            "시행 중인 크라우드 작업 이용협약이 없습니다.",
            "Crowd workers cannot join now: no crowd-work agreement is in force.",
        )
    return found[0]


def join(
    runtime: Runtime,
    actor: Actor,
    new: NewWorker,
    password: str,
    read: Read,
) -> Person:
    """Make the account of somebody who has read and accepted the documents and the agreement.

    Raises Problem 409 for a taken account name or a text that has changed since it was shown, 422
    for a field, 429 for too many from one address; then nothing is stored.
    """
    if agreement(runtime).sha256 != read.agreement_sha256:
        raise Problem(
            ProblemCode.CONFLICT,
            "읽으신 크라우드 작업 이용협약이 그사이 바뀌었습니다. 다시 읽고 동의해 주십시오.",
            "The crowd-work agreement has changed since. Please read it again.",
            field="agreement",
        )
    joining = prepare(runtime, actor, new, password, read.consents)
    signing = Signing(read.agreement_sha256, joining.person.name, new.locale)
    try:
        with runtime.db.write() as session:
            store(session, runtime, joining)
            sign_in(session, runtime, joining.actor, signing)
            return joining.person
    except IntegrityError as error:
        raise Problem(ProblemCode.CONFLICT) from error
