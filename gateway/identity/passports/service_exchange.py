"""Token exchange (RFC 8693): a program's access token becomes a passport about its person."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from gateway import ids
from gateway.identity.models import Person, PersonStatus
from gateway.identity.oauth import bearer
from gateway.identity.oauth.clients import Client
from gateway.identity.oauth.keys import Algorithm, SigningKeys
from gateway.identity.oauth.service_tokens import Refused
from gateway.identity.oauth.vocabulary import Scope
from gateway.identity.passports.assertions import Asked, Assertion, Source, gathered
from gateway.identity.passports.issuing import Press
from gateway.identity.passports.vocabulary import ACCESS_TOKEN, PASSPORT_LIFE, PASSPORT_TOKEN
from gateway.identity.service_people import acting
from gateway.journal import Act, Actor, Entry, PartyKind
from gateway.runtime import Runtime

NEEDED = frozenset({Scope.OPENID, Scope.PASSPORT})
LONGEST_RESOURCE = 1000


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a program sends. `jkt` is the key that the request proved, if any."""

    subject_token: str
    subject_token_type: str
    requested_token_type: str
    resource: str
    jkt: str | None


@dataclass(frozen=True, slots=True)
class Passport:
    """The one time that a passport is in plain sight."""

    token: str
    expires_in: int


def exchange(
    runtime: Runtime,
    actor: Actor,
    client: Client,
    given: Exchange,
    sources: Sequence[Source],
) -> Passport | Refused:
    """A passport for a live access token of this very client that has the scope for it.

    What it states is read, and the event written, in one transaction; signing comes afterwards.
    """
    wrong = _malformed(given)
    if wrong is not None:
        return wrong
    held = bearer.find(runtime, given.subject_token)
    if held is None or held.client_id != client.id:
        return Refused("invalid_request", "subject_token_unknown")
    if held.jkt is not None and held.jkt != given.jkt:
        return Refused("invalid_request", "other_key")
    if not set(held.scope.split()) >= NEEDED:
        return Refused("invalid_scope", "passport_scope_missing")
    jti = ids.new(runtime.clock)
    said = _stated(runtime, actor, (held.person_id, client, jti, given), sources)
    if said is None:
        return Refused("invalid_request", "person_stopped")
    press = _press(runtime, client)
    visas = [press.visa(held.person_id, each) for each in said]
    token = press.passport(held.person_id, jti, visas, given.resource)
    return Passport(token, int(PASSPORT_LIFE.total_seconds()))


def asked_about(runtime: Runtime, person_id: uuid.UUID) -> Asked:
    """The question about a person as of now."""
    return Asked(person_id, runtime.clock.now(), runtime.settings.public_url.rstrip("/"))


def _malformed(given: Exchange) -> Refused | None:
    if given.requested_token_type != PASSPORT_TOKEN:
        return Refused("invalid_request", "only_passports")
    if given.subject_token_type != ACCESS_TOKEN:
        return Refused("invalid_request", "only_access_tokens")
    if given.resource and not _is_place(given.resource):
        return Refused("invalid_target", "resource_malformed")
    return None


def _is_place(resource: str) -> bool:
    """An absolute https address without a fragment (RFC 8707 2)."""
    if len(resource) > LONGEST_RESOURCE or not resource.isascii() or not resource.isprintable():
        return False
    try:
        parts = urlsplit(resource)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and "#" not in resource


def _stated(
    runtime: Runtime,
    actor: Actor,
    what: tuple[uuid.UUID, Client, uuid.UUID, Exchange],
    sources: Sequence[Source],
) -> list[Assertion] | None:
    person_id, client, jti, given = what
    with runtime.db.write() as session:
        person = session.get(Person, person_id, with_for_update=True)
        if person is None or person.status != PersonStatus.ACTIVE:
            return None
        said = gathered(session, sources, asked_about(runtime, person_id))
        detail = {
            "client": client.id,
            "visas": len(said),
            "types": ",".join(sorted({str(each.type) for each in said})),
            "for_one_place": bool(given.resource),
        }
        themselves = replace(acting(actor, person), kind=PartyKind.PERSON)
        ref = f"passport:{jti}"
        runtime.journal.record(
            session, Entry(themselves, Act.PASSPORT_ISSUED, ref=ref, detail=detail)
        )
    return said


def _press(runtime: Runtime, client: Client) -> Press:
    issuer = runtime.settings.public_url.rstrip("/")
    keys = SigningKeys(runtime.settings.keys)
    return Press(keys, issuer, Algorithm(client.id_token_alg), runtime.clock.now())
