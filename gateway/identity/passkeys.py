"""Passkeys (WebAuthn Level 3): options for the browser, and what its answers prove.

A challenge is stateless until it is answered: 128 random bits and its time under a MAC over what
it is for and which browser session it was given to. Answering stores its hash, so each is
answered once. The relying party is the host of `SUMUN_PUBLIC_URL`; its origin is pinned, user
verification is demanded, and a counter that has not moved on is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlsplit

import webauthn
from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import (
    options_to_json,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from gateway.clock import from_ms, to_ms
from gateway.config import Settings
from gateway.identity.models import Acr, Person
from gateway.identity.models_factors import Passkey, SpentChallenge
from gateway.identity.proofs import PASSKEY, Proof, changed_one
from gateway.keys import Purpose
from gateway.runtime import Runtime

LABEL = b"sumun-webauthn-challenge-v1"
LIFETIME = timedelta(minutes=5)
TIME_BYTES, RANDOM_BYTES, MAC_BYTES = 8, 16, 32
RP_NAME = "Sumun 수문"
# What a malformed answer makes the parsers raise; each of them is a plain no.
MALFORMED = (WebAuthnException, ValueError, TypeError, KeyError, AttributeError, RecursionError)

T = TypeVar("T")


class Use(StrEnum):
    """What a challenge is for; an answer to one is none to another."""

    REGISTER = "register"
    SIGN_IN = "sign_in"
    SECOND = "second"
    STEP_UP = "step_up"


@dataclass(frozen=True, slots=True)
class Ceremony:
    """A use, and the browser session (or sign-in half done) that it happens in."""

    use: Use
    bound_to: str


@dataclass(frozen=True, slots=True)
class Registered:
    """A new credential that is still to be stored; `spend` as for `Proof`."""

    credential: VerifiedRegistration
    spend: Callable[[Session], bool]


def possible(settings: Settings) -> bool:
    """Whether browsers do WebAuthn here: a host name, over https or on localhost."""
    site = urlsplit(settings.public_url)
    try:
        ipaddress.ip_address(site.hostname or "")
    except ValueError:
        return bool(site.hostname) and (site.scheme == "https" or site.hostname == "localhost")
    return False


def options_to_register(
    runtime: Runtime, ceremony: Ceremony, person: Person, known: Iterable[Passkey]
) -> str:
    """The JSON that `navigator.credentials.create` takes; `known` credentials are left out."""
    options = webauthn.generate_registration_options(
        rp_id=_host(runtime.settings),
        rp_name=RP_NAME,
        user_id=person.id.bytes,
        user_name=person.account,
        user_display_name=person.name,
        challenge=new_challenge(runtime, ceremony),
        timeout=_milliseconds(),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_described(known),
    )
    return options_to_json(options)


def options_to_sign(runtime: Runtime, ceremony: Ceremony, known: Iterable[Passkey] = ()) -> str:
    """The JSON that `navigator.credentials.get` takes; without `known` any passkey may answer."""
    options = webauthn.generate_authentication_options(
        rp_id=_host(runtime.settings),
        challenge=new_challenge(runtime, ceremony),
        timeout=_milliseconds(),
        allow_credentials=_described(known) or None,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def registered(runtime: Runtime, ceremony: Ceremony, answer: str) -> Registered | None:
    """The new credential in a browser's answer, or None for one that does not hold."""
    return _refusing(lambda: _registered(runtime, ceremony, answer))


def proof(runtime: Runtime, ceremony: Ceremony, answer: str) -> Proof | None:
    """What a browser's answer proves, and about whom; None for one that does not hold."""
    return _refusing(lambda: _proof(runtime, ceremony, answer))


def _refusing(verify: Callable[[], T | None]) -> T | None:
    try:
        return verify()
    except MALFORMED:
        return None


def _registered(runtime: Runtime, ceremony: Ceremony, answer: str) -> Registered | None:
    given = parse_registration_credential_json(answer)
    challenge = _challenge(runtime, ceremony, given.response.client_data_json)
    if challenge is None:
        return None
    credential = webauthn.verify_registration_response(
        credential=given,
        expected_challenge=challenge,
        expected_rp_id=_host(runtime.settings),
        expected_origin=_origin(runtime.settings),
        require_user_verification=True,
    )
    return Registered(credential, lambda session: _spend(session, runtime, challenge))


def _proof(runtime: Runtime, ceremony: Ceremony, answer: str) -> Proof | None:
    given = parse_authentication_credential_json(answer)
    challenge = _challenge(runtime, ceremony, given.response.client_data_json)
    with runtime.db.read() as session:
        row = session.scalar(select(Passkey).where(Passkey.credential_id == given.raw_id))
    handle = given.response.user_handle
    if challenge is None or row is None or handle not in {None, b"", row.person_id.bytes}:
        return None
    verified = webauthn.verify_authentication_response(
        credential=given,
        expected_challenge=challenge,
        expected_rp_id=_host(runtime.settings),
        expected_origin=_origin(runtime.settings),
        credential_public_key=row.public_key,
        credential_current_sign_count=row.sign_count,
        require_user_verification=True,
    )

    def spend(writing: Session) -> bool:
        return _spend(writing, runtime, challenge) and _count(writing, runtime, row, verified)

    return Proof(row.person_id, Acr.PHR, PASSKEY, spend)


def _count(
    session: Session, runtime: Runtime, row: Passkey, verified: VerifiedAuthentication
) -> bool:
    """Move the counter on, unless another answer has moved it since it was compared."""
    wanted = (
        update(Passkey)
        .where(Passkey.id == row.id, Passkey.sign_count == row.sign_count)
        .values(sign_count=verified.new_sign_count, last_used_at=runtime.clock.now())
    )
    return changed_one(session, wanted)


def new_challenge(runtime: Runtime, ceremony: Ceremony) -> bytes:
    """A challenge for this ceremony, good for five minutes."""
    body = _time(runtime.clock.now()) + secrets.token_bytes(RANDOM_BYTES)
    return body + _mac(runtime, ceremony, body)


def _challenge(runtime: Runtime, ceremony: Ceremony, client_data: bytes) -> bytes | None:
    """The challenge that was answered, if it is one of this ceremony and still good."""
    said = parse_client_data_json(client_data)
    body, mac = said.challenge[:-MAC_BYTES], said.challenge[-MAC_BYTES:]
    if len(body) != TIME_BYTES + RANDOM_BYTES or said.cross_origin:
        return None
    if not hmac.compare_digest(mac, _mac(runtime, ceremony, body)):
        return None
    age = runtime.clock.now() - _made_at(said.challenge)
    return said.challenge if timedelta(0) <= age < LIFETIME else None


def _mac(runtime: Runtime, ceremony: Ceremony, body: bytes) -> bytes:
    key = runtime.keys.current(Purpose.LOOKUP).material
    bound = hashlib.sha256(ceremony.bound_to.encode()).digest()
    return hmac.digest(key, b"|".join((LABEL, ceremony.use.encode(), bound, body)), "sha256")


def _spend(session: Session, runtime: Runtime, challenge: bytes) -> bool:
    """Store that a challenge was answered. False when it was already."""
    session.execute(delete(SpentChallenge).where(SpentChallenge.expires_at <= runtime.clock.now()))
    row = {
        "challenge_sha256": hashlib.sha256(challenge).hexdigest(),
        "expires_at": _made_at(challenge) + LIFETIME,
    }
    insert: Any = postgresql.insert
    if session.get_bind().dialect.name == "sqlite":
        insert = sqlite.insert
    added = insert(SpentChallenge).values(row).on_conflict_do_nothing()
    spent = session.scalar(added.returning(SpentChallenge.challenge_sha256))
    return spent is not None


def _made_at(challenge: bytes) -> datetime:
    return from_ms(int.from_bytes(challenge[:TIME_BYTES]))


def _time(now: datetime) -> bytes:
    return to_ms(now).to_bytes(TIME_BYTES)


def _described(known: Iterable[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=row.credential_id) for row in known]


def _milliseconds() -> int:
    return int(LIFETIME.total_seconds() * 1000)


def _host(settings: Settings) -> str:
    return urlsplit(settings.public_url).hostname or ""


def _origin(settings: Settings) -> str:
    site = urlsplit(settings.public_url)
    return f"{site.scheme}://{site.netloc}".lower()
