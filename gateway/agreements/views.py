"""What pages and API of agreements share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from gateway.agreements import service, service_renewal, service_signing
from gateway.agreements.models import Acceptance, AgreementState, AgreementVersion
from gateway.agreements.schemas import AgreementOut, AgreementText, SignatureOut, SignForm
from gateway.agreements.service_signing import Signed, Signing
from gateway.errors import Problem, ProblemCode
from gateway.identity.http import rt, viewer
from gateway.web.prose import prose

TEXT_HEADING = 3


@dataclass(frozen=True, slots=True)
class Own:
    """The reader's own live signature of an agreement, seen from one of its versions.

    `until` is the last moment it holds: its own end, or that of the notice period where this
    version asks for a new one.
    """

    signed: Signed
    covers: bool
    until: datetime | None


def markdown(text: str) -> Markup:
    """An agreement's text as HTML, below the heading of its card."""
    return prose(text, TEXT_HEADING)


def own_signatures() -> dict[str, Signed]:
    """The reader's live signatures by the agreement's code; none for a visitor."""
    seen = viewer()
    if seen is None:
        return {}
    with rt().db.read() as session:
        return service_signing.live_signatures(session, seen.person_id, rt().clock.now())


def covering(row: AgreementVersion, own: dict[str, Signed]) -> Acceptance | None:
    """The reader's signature where it holds for `row`."""
    signed = own.get(row.code)
    return signed.acceptance if signed is not None and signed.covers(row) else None


def to_renew() -> dict[str, datetime]:
    """Until when the reader is to sign a new version, by the agreement's code."""
    seen = viewer()
    if seen is None:
        return {}
    with rt().db.read() as session:
        return service_renewal.to_renew(session, seen.person_id, rt().clock.now())


def own_standing(row: AgreementVersion) -> Own | None:
    """How the reader's own signature stands to `row`; None for none, or one of a later version."""
    signed = own_signatures().get(row.code)
    if signed is None or signed.number > row.number:
        return None
    if signed.covers(row):
        return Own(signed, True, signed.acceptance.expires_at)
    with rt().db.read() as session:
        return Own(signed, False, service_renewal.last_moment(session, row.code, signed))


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


def compared(
    found: list[AgreementVersion], before: int | None, after: int | None
) -> tuple[AgreementVersion, AgreementVersion]:
    """Two versions to compare, the older first: those asked for, else the one the reader signed
    last (or the one before) and the one in force (or, while that is the first, the newest).

    Raises Problem NOT_FOUND when there are not two.
    """
    new = shown_version(found, after)
    if after is None and new.number == found[-1].number:
        # The first one is in force: what is to come is compared with it.
        new = found[0]
    earlier = [row for row in found if row.number < new.number]
    if before is None and earlier:
        signed = own_signatures().get(new.code)
        same = [row for row in earlier if signed is not None and row.number == signed.number]
        return (same or earlier)[0], new
    old = shown_version(found, before)
    if before is None or old.number == new.number:
        raise Problem(ProblemCode.NOT_FOUND)
    return (old, new) if old.number < new.number else (new, old)


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
        "planned_at": row.planned_at,
        "ends_at": row.ends_at,
        "signed_until": signature.expires_at if signature else None,
    }
