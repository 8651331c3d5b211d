"""Confirming a signature whose link did not go to the registered signing official.

Somebody who did not ask for it compares it with the letter of authority or the proof of
representation; until then it opens nothing.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway.agreements import officials, service_overview
from gateway.agreements.models import AgreementVersion, OrganisationAcceptance, SignatureRequest
from gateway.agreements.service import entry
from gateway.agreements.service_official import may_end
from gateway.agreements.service_overview import Standing
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import OrganisationStatus
from gateway.identity.service_organisations import get_organisation
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime


def confirm(runtime: Runtime, actor: Actor, signature_id: uuid.UUID) -> OrganisationAcceptance:
    """Let a signature count from now on; the one before ends in the same transaction.

    By a manager of the organisation or a steward, who neither asked for it nor gave it. Raises
    Problem 403, 404, or 409 when it does not wait or the organisation is not verified.
    """
    try:
        with runtime.db.write() as session:
            row = session.get(OrganisationAcceptance, signature_id, with_for_update=True)
            if row is None:
                raise Problem(ProblemCode.NOT_FOUND)
            _check_confirmer(runtime, session, actor, row)
            now = runtime.clock.now()
            _check_waits(session, row, now)
            officials.end_earlier(session, row, now, counts=True)
            row.confirmed_at, row.confirmed_by = now, actor.person_id
            session.flush()
            runtime.journal.record(session, _confirmed(session, actor, row))
            return row
    except IntegrityError as error:
        raise Problem(ProblemCode.CONFLICT) from error


def _check_confirmer(
    runtime: Runtime, session: Session, actor: Actor, row: OrganisationAcceptance
) -> None:
    request = session.get(SignatureRequest, row.request_id) if row.request_id else None
    asked_by = request.requested_by if request else None
    involved = actor.person_id in (asked_by, row.official_id)
    if involved or not may_end(runtime, session, actor, row.organisation_id):
        raise Problem(
            ProblemCode.FORBIDDEN,
            "기관의 서명은 요청하거나 서명한 사람이 아닌 그 기관의 관리자나 데이터 관리 담당자가 "
            "확인합니다.",
            "A signature is confirmed by a manager of the organisation or a data steward who "
            "neither asked for it nor gave it.",
        )


def _check_waits(session: Session, row: OrganisationAcceptance, now: datetime) -> None:
    status = get_organisation(session, row.organisation_id).status
    waits = service_overview.standing(session, row, now) is Standing.UNCONFIRMED
    if not waits or status != OrganisationStatus.VERIFIED:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "이 서명은 확인할 수 없습니다. 이미 확인했거나 끝났거나, 이용협약이나 기관의 상태가 "
            "바뀌었습니다.",
            "This signature cannot be confirmed: it was confirmed or has ended, or its agreement "
            "or organisation has changed.",
        )


def _confirmed(session: Session, actor: Actor, row: OrganisationAcceptance) -> Entry:
    version = session.get_one(AgreementVersion, row.agreement_version_id)
    told = {"organisation": str(row.organisation_id), "signature": str(row.id)}
    if row.letter_sha256 is not None:
        told["letter"] = row.letter_sha256
    return entry(actor, Act.AGREEMENT_ORGANISATION_CONFIRMED, version, **told)
