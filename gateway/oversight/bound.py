"""Which text bound an access: from an entry of the log to the version and its signatures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from gateway.access.models import Grant
from gateway.agreements.models import AgreementVersion
from gateway.agreements.service_bound import Bound, bound
from gateway.catalog.models import Dataset
from gateway.errors import Problem, ProblemCode
from gateway.exports.models import Export
from gateway.ids import parse
from gateway.oversight.entries import Seen
from gateway.oversight.reading import reading
from gateway.oversight.service_search import Desk, entry
from gateway.policy.models import PolicyFacts


@dataclass(frozen=True, slots=True)
class BoundAccess:
    """An entry with the grant it refers to, and what bound the grant's holder at that moment."""

    seen: Seen
    grant: Grant
    bound: Bound


def bound_access(desk: Desk, index: int) -> BoundAccess:
    """Answer for the entry at `index`; reading it is recorded.

    Raises Problem 404 when there is no such entry, or it refers to no grant; LogUnavailable.
    """
    seen, _row = entry(desk, index)
    with reading(desk.runtime) as opened:
        grant = _grant(opened.session, seen.ref)
        if grant is None:
            raise Problem(
                ProblemCode.NOT_FOUND,
                "이 기록은 이용 권한에 관한 것이 아니어서 이용협약이 없습니다.",
                "This entry is about no grant, so no agreement bound it.",
            )
        code = _code(opened.session, grant, seen.detail)
        found = bound(opened.session, grant.person_id, grant.organisation_id, code, seen.at)
    return BoundAccess(seen, grant, found)


def _grant(session: Session, ref: str | None) -> Grant | None:
    kind, _, name = (ref or "").partition(":")
    known = parse(name)
    if known is not None and kind == "export":
        export = session.get(Export, known)
        known = export.grant_id if export else None
    elif kind != "grant":
        known = None
    return session.get(Grant, known) if known is not None else None


def _code(session: Session, grant: Grant, detail: Mapping[str, object]) -> str:
    """The agreement that the decision read, from its kept facts; else the dataset's present one."""
    digest = detail.get("facts")
    kept = session.get(PolicyFacts, digest) if isinstance(digest, str) else None
    agreement = ((kept.facts if kept else {}).get("target") or {}).get("agreement") or {}
    present: str = session.get_one(Dataset, grant.dataset_id).agreement_code
    return str(agreement.get("code", present))


def text_of(version: AgreementVersion, language: str) -> str:
    """The text of a version in `language` ("ko" or "en"), in Markdown."""
    return version.text_ko if language == "ko" else version.text_en
