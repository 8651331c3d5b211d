"""Machines: programs that act without anybody at the keyboard, and who answers for them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.identity.models import Acr, Membership, Organisation, OrganisationStatus, Person
from gateway.identity.oauth import service_tokens as tokens
from gateway.identity.oauth.clients import Client
from gateway.identity.oauth.service_tokens import Issued, Opening, Refused
from gateway.identity.oauth.vocabulary import ACCESS_LIFE
from gateway.journal import Actor
from gateway.runtime import Runtime


def machine(
    runtime: Runtime, actor: Actor, client: Client, given: tuple[str, str | None]
) -> Issued | Refused:
    """Tokens for a machine, while its organisation stands and its responsible person belongs."""
    scope, jkt = given
    now = runtime.clock.now()
    with runtime.db.write() as session:
        if not _answered_for(session, client):
            return Refused("invalid_grant", "nobody_answers")
        assert client.responsible_id is not None
        family, ends_at = tokens.new_family(runtime), now + ACCESS_LIFE
        what = Opening(
            client,
            client.responsible_id,
            scope,
            jkt,
            now,
            family,
            ends_at,
            acr=Acr.PHR,
            amr="swk",
        )
        return tokens.opened(session, runtime, actor, what)


def _answered_for(session: Session, client: Client) -> bool:
    belongs = (
        select(Membership.id)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .join(Person, Person.id == Membership.person_id)
        .where(Membership.person_id == client.responsible_id, Membership.ended_at.is_(None))
        .where(Membership.organisation_id == client.organisation_id)
        .where(Membership.confirmed_by.is_not(None))
        .where(Organisation.status == OrganisationStatus.VERIFIED)
    )
    return session.scalar(belongs.limit(1)) is not None
