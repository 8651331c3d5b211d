"""ID tokens and what they tell about a person (OpenID Connect Core 2 and 5)."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from gateway.identity.models import Membership, Organisation, OrganisationStatus, Person
from gateway.identity.oauth import jose
from gateway.identity.oauth.clients import Client
from gateway.identity.oauth.keys import Algorithm, SigningKeys
from gateway.identity.oauth.service_tokens import Issued
from gateway.identity.oauth.vocabulary import ID_TOKEN_LIFE, Scope
from gateway.runtime import Runtime


def signing_keys(runtime: Runtime) -> SigningKeys:
    """The keys of this gateway."""
    return SigningKeys(runtime.settings.keys)


def make(runtime: Runtime, client: Client, issued: Issued) -> str:
    """The ID token that goes with freshly issued tokens."""
    now = runtime.clock.now()
    claims = {
        "iss": runtime.settings.public_url.rstrip("/"),
        "aud": client.id,
        "iat": int(now.timestamp()),
        "exp": int((now + ID_TOKEN_LIFE).timestamp()),
        "auth_time": int(issued.auth_time.timestamp()),
        "at_hash": _half_hash(issued.access_token),
        "sid": str(issued.session_id),
        **user_claims(runtime, issued.person_id, frozenset(issued.scope.split())),
    }
    if issued.nonce:
        claims["nonce"] = issued.nonce
    return signing_keys(runtime).sign(claims, Algorithm(client.id_token_alg))


def user_claims(runtime: Runtime, person_id: uuid.UUID, scope: frozenset[str]) -> dict[str, Any]:
    """`sub`, and the claims that the scopes ask for."""
    claims: dict[str, Any] = {"sub": str(person_id)}
    with runtime.db.read() as session:
        person = session.get_one(Person, person_id)
        if Scope.PROFILE in scope:
            claims |= {
                "name": person.name,
                "preferred_username": person.account,
                "locale": person.locale,
            }
        if Scope.EMAIL in scope:
            # Nobody has proved the address by a message yet, and claims must not promise it.
            claims |= {"email": person.email, "email_verified": False}
        if Scope.ORGANISATION in scope:
            claims["organisations"] = _organisations(session, person_id)
    return claims


def json_response(
    body: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer of the provider, which nobody may keep unless `headers` say so."""
    kept = {"Content-Type": "application/json", "Cache-Control": "no-store"} | dict(headers or {})
    return Response(orjson.dumps(body), status, kept)


def _organisations(session: Session, person_id: uuid.UUID) -> list[dict[str, str]]:
    rows = session.execute(
        select(Organisation.id, Organisation.name, Membership.kind)
        .join(Membership, Membership.organisation_id == Organisation.id)
        .where(Membership.person_id == person_id, Membership.ended_at.is_(None))
        .where(Membership.confirmed_by.is_not(None))
        .where(Organisation.status == OrganisationStatus.VERIFIED)
        .order_by(Organisation.name)
    )
    return [{"id": str(row.id), "name": row.name, "place": row.kind} for row in rows]


def _half_hash(token: str) -> str:
    # Both algorithms end in 256, so SHA-256 is the hash either way.
    half = hashlib.sha256(token.encode()).digest()[:16]
    return jose.url64(half)
