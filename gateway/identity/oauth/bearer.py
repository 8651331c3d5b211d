"""Access tokens at the API: opaque, read anew on each request, bound to a key when they say so."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Request
from sqlalchemy import String, and_, bindparam, exists, or_, select

from gateway.db.hot import HotStatement
from gateway.identity.models import (
    Membership,
    Person,
    PersonStatus,
    SignInSession,
)
from gateway.identity.oauth import dpop
from gateway.identity.oauth.clients import in_networks, manager_stands, stands
from gateway.identity.oauth.jose import BadToken
from gateway.identity.oauth.models import ClientKind, OAuthClient, OAuthToken, TokenKind
from gateway.identity.oauth.vocabulary import ACCESS_PREFIX
from gateway.identity.service_sessions import Application, Live, digest
from gateway.runtime import Runtime
from gateway.security import address


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a token was not accepted: an error of RFC 6750 or RFC 9449.

    `elsewhere` names the person and the program of a live token that came from outside the
    networks its program is bound to.
    """

    error: str
    elsewhere: tuple[uuid.UUID, str] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A live access token, with its person and its program."""

    session_id: uuid.UUID
    person_id: uuid.UUID
    account: str
    name: str
    locale: str
    client_id: str
    kind: str
    organisation_id: uuid.UUID | None
    responsible_id: uuid.UUID | None
    networks: list[str]
    scope: str
    jkt: str | None
    expires_at: datetime
    acr: str
    stepped_up_at: datetime | None


def _answered_for() -> Any:
    """A machine counts while the person who accepted to answer for it belongs to its organisation,
    and the manager who registered it manages that."""
    belongs = exists().where(
        Membership.person_id == OAuthClient.responsible_id,
        Membership.organisation_id == OAuthClient.organisation_id,
        Membership.confirmed_by.is_not(None),
        Membership.ended_at.is_(None),
    )
    accepted = OAuthClient.accepted_at.is_not(None)
    return or_(OAuthClient.kind != ClientKind.MACHINE, and_(accepted, belongs, manager_stands()))


def _lookup() -> Any:
    now = bindparam("now", type_=OAuthToken.expires_at.type)
    return (
        select(
            SignInSession.id,
            Person.id,
            Person.account,
            Person.name,
            Person.locale,
            OAuthClient.id,
            OAuthClient.kind,
            OAuthClient.organisation_id,
            OAuthClient.responsible_id,
            OAuthClient.networks,
            OAuthToken.scope,
            OAuthToken.dpop_jkt,
            OAuthToken.expires_at,
            SignInSession.acr,
            SignInSession.stepped_up_at,
        )
        .select_from(OAuthToken)
        .join(SignInSession, SignInSession.id == OAuthToken.session_id)
        .join(Person, Person.id == SignInSession.person_id)
        .join(OAuthClient, OAuthClient.id == OAuthToken.client_id)
        .where(OAuthToken.token_sha256 == bindparam("digest", type_=String()))
        .where(OAuthToken.kind == TokenKind.ACCESS, OAuthToken.revoked_at.is_(None))
        .where(OAuthToken.expires_at > now, SignInSession.expires_at > now)
        .where(and_(SignInSession.ended_at.is_(None), Person.status == PersonStatus.ACTIVE))
        .where(OAuthClient.ended_at.is_(None), OAuthClient.expires_at > now)
        .where(stands(), _answered_for())
    )


LOOKUP = HotStatement(_lookup())


def is_ours(token: str) -> bool:
    """Whether a token looks like one of the provider's."""
    return token.startswith(ACCESS_PREFIX)


def check(runtime: Runtime, request: Request, scheme: str, token: str) -> Live | Failed:
    """The live session behind an access token, with the program that holds it.

    A token that is bound to a key counts only under the scheme `DPoP` with a proof of that key.
    """
    found = find(runtime, token)
    if found is None:
        return Failed("invalid_token")
    if not in_networks(tuple(found.networks), address.of_request()):
        return Failed("invalid_token", (found.person_id, found.client_id))
    if (found.jkt is not None) != (scheme == "dpop"):
        return Failed("invalid_token")
    if found.jkt is not None:
        failed = _unproved(runtime, request, token, found.jkt)
        if failed:
            return failed
    held = Application(
        found.client_id,
        frozenset(found.scope.split()),
        found.kind == ClientKind.MACHINE,
        found.organisation_id,
        found.responsible_id,
    )
    return Live(
        found.session_id,
        found.person_id,
        found.account,
        found.name,
        found.locale,
        frozenset(),
        found.acr,
        found.stepped_up_at,
        held,
    )


def find(runtime: Runtime, token: str) -> Row | None:
    """The row of a live access token; None for anything else."""
    row = runtime.db.hot.first(LOOKUP, digest=digest(token), now=runtime.clock.now())
    return Row(*row) if row else None


def _unproved(runtime: Runtime, request: Request, token: str, jkt: str) -> Failed | None:
    url = runtime.settings.public_url.rstrip("/") + request.path
    use = dpop.Use(request.method, url, token)
    try:
        proved = dpop.thumbprint(runtime, request.headers.getlist("DPoP"), use)
    except dpop.UseNonce:
        return Failed("use_dpop_nonce")
    except BadToken:
        return Failed("invalid_dpop_proof")
    return None if proved == jkt else Failed("invalid_dpop_proof")
