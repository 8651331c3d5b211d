"""Machines: programs that act without anybody at the keyboard, and who answers for them.

A machine stands on two people: the one who answers for it, who has accepted that, and the manager
who registered it. It stops with either.
"""

from __future__ import annotations

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from gateway.identity.models import (
    Acr,
    Membership,
    Organisation,
    OrganisationStatus,
)
from gateway.identity.oauth import service_tokens as tokens
from gateway.identity.oauth.clients import Client, manager_stands
from gateway.identity.oauth.models import OAuthClient
from gateway.identity.oauth.service_tokens import Issued, Opening, Refused
from gateway.identity.oauth.vocabulary import ACCESS_LIFE, MACHINE_AMR
from gateway.journal import Actor
from gateway.runtime import Runtime


def machine(
    runtime: Runtime, actor: Actor, client: Client, given: tuple[str, str | None]
) -> Issued | Refused:
    """Tokens for a machine, while its organisation, its responsible person, who has accepted it,
    and the manager who registered it stand."""
    scope, jkt = given
    now = runtime.clock.now()
    with runtime.db.write() as session:
        row = session.get_one(OAuthClient, client.id)
        refused = _refusal(session, row)
        if refused is not None:
            return refused
        assert row.responsible_id is not None
        family, ends_at = tokens.new_family(runtime), now + ACCESS_LIFE
        acr = Acr(row.accepted_acr or Acr.PASSWORD)
        what = Opening(
            client, row.responsible_id, scope, jkt, now, family, ends_at, acr=acr, amr=MACHINE_AMR
        )
        return tokens.opened(session, runtime, actor, what)


def _refusal(session: Session, row: OAuthClient) -> Refused | None:
    if row.accepted_at is None:
        return Refused("unauthorized_client", "not_accepted")
    if session.scalar(select(exists().where(OAuthClient.id == row.id, manager_stands()))) is False:
        return Refused("unauthorized_client", "maker_gone")
    return None if _answered_for(session, row) else Refused("invalid_grant", "nobody_answers")


def _answered_for(session: Session, row: OAuthClient) -> bool:
    belongs = (
        select(Membership.id)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(Membership.person_id == row.responsible_id, Membership.ended_at.is_(None))
        .where(Membership.organisation_id == row.organisation_id)
        .where(Membership.confirmed_by.is_not(None))
        .where(Organisation.status == OrganisationStatus.VERIFIED)
    )
    return session.scalar(belongs.limit(1)) is not None
