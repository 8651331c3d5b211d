"""AcceptedTermsAndPolicies visas: the agreement versions that a person has signed and that hold."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.agreements.models import Acceptance, AgreementState, AgreementVersion
from gateway.identity.passports.assertions import Asked, Assertion
from gateway.identity.passports.vocabulary import Authority, VisaType


def accepted(session: Session, asked: Asked) -> Sequence[Assertion]:
    """One for each live signature of a version in force; the value is the version's address."""
    rows = session.execute(
        select(Acceptance.accepted_at, Acceptance.expires_at, Acceptance.code)
        .add_columns(AgreementVersion.number, AgreementVersion.ends_at)
        .join(AgreementVersion, AgreementVersion.id == Acceptance.agreement_version_id)
        .where(Acceptance.person_id == asked.person_id, Acceptance.ended_at.is_(None))
        .where(Acceptance.accepted_at <= asked.now, Acceptance.expires_at > asked.now)
        .where(AgreementVersion.state == AgreementState.IN_FORCE)
        .order_by(Acceptance.code)
    )
    return [
        Assertion(
            VisaType.TERMS,
            f"{asked.base}/agreements/{row.code}/v{row.number}.jsonld",
            asked.base,
            Authority.SELF,
            row.accepted_at,
            min(row.expires_at, row.ends_at or row.expires_at),
        )
        for row in rows
    ]
