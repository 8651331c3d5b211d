"""Which version's terms bind: those of the version that was signed, while that lets one in."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.access.query_parts import GRANT, D, G, P, signatures
from policies.terms import Terms, recorded_terms
from policies.vocabulary import AcceptanceState

# The terms of each version in force by the hash that fixes it: most decisions read these.
_TERMS: dict[str, Terms] = {}
_ONES_OWN = (
    "in_force",
    "terms",
    "grace_ends_at",
    "signed_until",
    "signed_other_until",
    "signed_terms",
)


class Signatures(Protocol):
    """The columns of `query_parts.signatures` that speak of the person's own signature."""

    @property
    def in_force(self) -> str | None: ...
    @property
    def terms(self) -> dict[str, Any] | None: ...
    @property
    def grace_ends_at(self) -> datetime | None: ...
    @property
    def signed_until(self) -> datetime | None: ...
    @property
    def signed_other_until(self) -> datetime | None: ...
    @property
    def signed_terms(self) -> dict[str, Any] | None: ...


def acceptance(until: datetime | None, older: datetime | None, now: datetime) -> AcceptanceState:
    """The state of the best signature: of a version that binds, else of an older one."""
    if until is not None and now < until:
        return AcceptanceState.LIVE
    if older is not None and now < older:
        return AcceptanceState.SUPERSEDED
    expired = until is not None or older is not None
    return AcceptanceState.EXPIRED if expired else AcceptanceState.NONE


def binding_terms(row: Signatures, now: datetime) -> Terms | None:
    """The terms of the version whose signature lets the person in at `now`; without one, those
    of the version in force, which there is to sign. None while no version is in force.

    Raises policies.terms.AgreementError for terms that are not whole.
    """
    if row.in_force is None or row.terms is None:
        return None
    if row.signed_terms is not None and _lets_in(row, now):
        return recorded_terms(row.signed_terms)
    if row.in_force not in _TERMS:
        _TERMS[row.in_force] = recorded_terms(row.terms)
    return _TERMS[row.in_force]


def _lets_in(row: Signatures, now: datetime) -> bool:
    state = acceptance(row.signed_until, row.signed_other_until, now)
    if state is AcceptanceState.SUPERSEDED:
        return row.grace_ends_at is not None and now < row.grace_ends_at
    return state is AcceptanceState.LIVE


def terms_of_grant(session: Session, grant_id: uuid.UUID, now: datetime) -> Terms | None:
    """The terms that bind the holder of a grant at `now`, as `binding_terms` of a decision.

    None for an unknown grant as well. Raises policies.terms.AgreementError.
    """
    row = session.execute(_OF_GRANT, {"grant_id": grant_id, "now": now}).first()
    return None if row is None else binding_terms(row, now)


_COLUMNS = signatures(G.c.organisation_id)
_OF_GRANT = (
    select(*(_COLUMNS[name].label(name) for name in _ONES_OWN))
    .select_from(G.join(P, P.c.id == G.c.person_id).join(D, D.c.id == G.c.dataset_id))
    .where(G.c.id == GRANT)
)
