"""What a provider states about somebody's organisation becomes a request, never a membership."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway import ids
from gateway.identity.federation.exchange import Proven
from gateway.identity.models import Membership, MembershipKind, Organisation
from gateway.identity.models_federation import ProviderStatement
from gateway.identity.service_memberships import OPEN
from gateway.journal import Act, Actor, Entry
from gateway.provider_settings import IdentityProvider
from gateway.runtime import Runtime


def ask_to_join(
    session: Session, runtime: Runtime, actor: Actor, provider: IdentityProvider, proven: Proven
) -> None:
    """Ask, for the actor, to belong to each organisation that the provider named.

    In the caller's transaction. Nothing is asked where the person has a place or has asked, or
    where the organisation takes nobody in; it is always a plain member, confirmed by a person.
    """
    for value in proven.organisations:
        organisation = session.get(Organisation, provider.organisations[value])
        if organisation is None or organisation.status not in OPEN:
            continue
        if not _has_place(session, actor.person_id, organisation.id):
            _ask(session, runtime, actor, (organisation.id, provider, value))


def statements_for(session: Session, membership_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Which of these memberships a provider has spoken for: the provider's id by membership."""
    rows = session.execute(
        select(ProviderStatement.membership_id, ProviderStatement.provider).where(
            ProviderStatement.membership_id.in_(membership_ids)
        )
    )
    return {row.membership_id: row.provider for row in rows}


def _has_place(session: Session, person_id: uuid.UUID | None, organisation_id: uuid.UUID) -> bool:
    found = select(Membership.id).where(
        Membership.person_id == person_id,
        Membership.organisation_id == organisation_id,
        Membership.ended_at.is_(None),
    )
    return session.scalar(found) is not None


def _ask(
    session: Session, runtime: Runtime, actor: Actor, named: tuple[uuid.UUID, IdentityProvider, str]
) -> None:
    organisation_id, provider, value = named
    now = runtime.clock.now()
    row = Membership(
        id=ids.new(runtime.clock),
        person_id=actor.person_id,
        organisation_id=organisation_id,
        kind=MembershipKind.MEMBER,
        started_at=now,
    )
    session.add(row)
    session.flush()
    session.add(
        ProviderStatement(
            membership_id=row.id,
            provider=provider.id,
            issuer=provider.issuer,
            claim=provider.organisation_claim,
            value=value,
            stated_at=now,
        )
    )
    detail = {
        "organisation": str(organisation_id), "kind": str(row.kind), "attested_by": provider.id,
    }  # fmt: skip
    entry = Entry(
        actor, Act.MEMBERSHIP_REQUESTED, subjects=[row.person_id], ref=f"membership:{row.id}",
        detail=detail,
    )  # fmt: skip
    runtime.journal.record(session, entry)
