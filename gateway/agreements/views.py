"""What pages and API of agreements share."""

from __future__ import annotations

import uuid

from markupsafe import Markup

from gateway.agreements import service, service_signing
from gateway.agreements.models import Acceptance, AgreementState, AgreementVersion
from gateway.agreements.schemas import AgreementOut, AgreementText, SignatureOut, SignForm
from gateway.agreements.service_signing import Signing
from gateway.errors import Problem, ProblemCode
from gateway.identity.http import rt, viewer
from gateway.web.prose import prose

TEXT_HEADING = 3


def markdown(text: str) -> Markup:
    """An agreement's text as HTML, below the heading of its card."""
    return prose(text, TEXT_HEADING)


def own_signatures() -> dict[uuid.UUID, Acceptance]:
    """The reader's live signatures by agreement version; none for a visitor."""
    seen = viewer()
    if seen is None:
        return {}
    with rt().db.read() as session:
        return service_signing.live_acceptances(session, seen.person_id, rt().clock.now())


def shown_version(found: list[AgreementVersion], number: int | None) -> AgreementVersion:
    """The version asked for, else the one in force, else the newest. Raises Problem NOT_FOUND."""
    if number is None:
        live = [row for row in found if row.state == AgreementState.IN_FORCE]
        return (live or found)[0]
    wanted = [row for row in found if row.number == number]
    if not wanted:
        raise Problem(ProblemCode.NOT_FOUND)
    return wanted[0]


def versions(code: str) -> list[AgreementVersion]:
    """Every version of an agreement, newest first. Raises Problem NOT_FOUND."""
    with rt().db.read() as session:
        return service.versions(session, code)


def signing(form: SignForm) -> Signing:
    """The service's argument of a form."""
    return Signing(form.sha256, form.typed_name, form.language, form.organisation_id)


def agreement_out(row: AgreementVersion, signature: Acceptance | None) -> AgreementOut:
    """An agreement for the API, without its texts."""
    return AgreementOut.model_validate(_fields(row, signature))


def agreement_text(row: AgreementVersion, signature: Acceptance | None) -> AgreementText:
    """An agreement for the API, with its texts."""
    texts = {"text_ko": row.text_ko, "text_en": row.text_en}
    return AgreementText.model_validate(_fields(row, signature) | texts)


def signature_out(row: Acceptance) -> SignatureOut:
    """A signature for the API."""
    return SignatureOut(
        code=row.code,
        sha256=row.sha256,
        method=row.method,
        typed_name=row.typed_name,
        organisation_id=row.organisation_id,
        accepted_at=row.accepted_at,
        expires_at=row.expires_at,
    )


def _fields(row: AgreementVersion, signature: Acceptance | None) -> dict[str, object]:
    return {
        "code": row.code,
        "number": row.number,
        "state": row.state,
        "sha256": row.sha256,
        "title_ko": row.terms["title_ko"],
        "title_en": row.terms["title_en"],
        "terms": row.terms,
        "in_force_at": row.in_force_at,
        "signed_until": signature.expires_at if signature else None,
    }
