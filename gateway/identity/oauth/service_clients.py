"""Registering programs: by a manager of an organisation, for a year, with someone who answers.

Secrets are shown once and stored as SHA-256: at 256 random bits there is nothing to guess. A
machine has no secret at all; it signs with a key whose public half is registered here.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.errors import Problem, ProblemCode
from gateway.identity import rules
from gateway.identity.models import Membership, OrganisationStatus
from gateway.identity.oauth import jobs_machines, jose
from gateway.identity.oauth.clients import LOOPBACK
from gateway.identity.oauth.jose import BadToken
from gateway.identity.oauth.keys import Algorithm
from gateway.identity.oauth.models import AuthMethod, ClientKind, OAuthClient
from gateway.identity.oauth.service_tokens import end_sessions_of
from gateway.identity.oauth.vocabulary import MACHINE_SCOPES, Scope, joined
from gateway.identity.refusals import manager_missing
from gateway.identity.service_organisations import get_organisation, is_manager
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime

LIFE = timedelta(days=365)
WARN_BEFORE = timedelta(days=30)
MOST_KEYS, MOST_ADDRESSES, MOST_NETWORKS = 5, 10, 20
LONGEST_URI = 500
NAME_LENGTH = 120


@dataclass(frozen=True, slots=True)
class NewClient:
    """What a manager registers. `jwks` is JSON text; addresses and networks one a line."""

    name: str
    kind: ClientKind
    auth_method: AuthMethod
    scopes: frozenset[Scope]
    redirect_uris: tuple[str, ...] = ()
    jwks: str = ""
    networks: tuple[str, ...] = ()
    responsible_id: uuid.UUID | None = None
    id_token_alg: Algorithm = Algorithm.RS256
    dpop_required: bool = False


@dataclass(frozen=True, slots=True)
class Registered:
    """The one time that a client's secret is in plain sight."""

    client_id: str
    secret: str | None = field(default=None)


def register(
    runtime: Runtime, actor: Actor, organisation_id: uuid.UUID, new: NewClient
) -> Registered:
    """Register a program of an organisation. A machine waits for whoever is to answer for it, who
    is told by mail.

    Raises Problem 403 for whoever is no manager, 409 while the organisation is not verified, and
    422 naming the field that is not right.
    """
    row, secret = _row(runtime, organisation_id, new)
    with runtime.db.write() as session:
        organisation = get_organisation(session, organisation_id)
        _check_manager(session, actor, organisation_id)
        if organisation.status != OrganisationStatus.VERIFIED:
            raise Problem(ProblemCode.WRONG_STATE)
        _check_responsible(session, organisation_id, row)
        row.created_by = actor.person_id
        session.add(row)
        jobs_machines.tell(session, runtime, row)
        detail = {"client": row.id, "kind": str(row.kind), "scope": row.scope}
        subjects = [row.responsible_id] if row.responsible_id else []
        entry = Entry(actor, Act.CLIENT_REGISTERED, subjects=subjects, detail=detail)
        runtime.journal.record(session, entry)
    return Registered(row.id, secret)


def end(runtime: Runtime, actor: Actor, client_id: str) -> uuid.UUID:
    """End a program; its tokens stop with their next use. Returns its organisation's id.

    Raises Problem 404 for one that is not there or not of the manager's organisation, 409 when it
    has ended.
    """
    with runtime.db.write() as session:
        row = session.get(OAuthClient, client_id, with_for_update=True)
        if row is None or row.organisation_id is None:
            raise Problem(ProblemCode.NOT_FOUND)
        _check_manager(session, actor, row.organisation_id)
        if row.ended_at is not None:
            raise Problem(ProblemCode.WRONG_STATE)
        row.ended_at = runtime.clock.now()
        end_sessions_of(session, runtime, row.id)
        runtime.journal.record(session, Entry(actor, Act.CLIENT_ENDED, detail={"client": row.id}))
        return row.organisation_id


def clients_of(session: Session, organisation_id: uuid.UUID) -> Sequence[OAuthClient]:
    """The programs of an organisation that have not ended, oldest first."""
    return session.scalars(
        select(OAuthClient)
        .where(OAuthClient.organisation_id == organisation_id, OAuthClient.ended_at.is_(None))
        .order_by(OAuthClient.created_at, OAuthClient.id)
    ).all()


def runs_out(runtime: Runtime, row: OAuthClient) -> bool:
    """Whether a program runs out within 30 days."""
    return bool(row.expires_at - runtime.clock.now() <= WARN_BEFORE)


def _row(
    runtime: Runtime, organisation_id: uuid.UUID, new: NewClient
) -> tuple[OAuthClient, str | None]:
    _check_shape(new)
    now = runtime.clock.now()
    has_secret = new.auth_method is AuthMethod.SECRET_BASIC
    secret = secrets.token_urlsafe(32) if has_secret else None
    return OAuthClient(
        id=secrets.token_hex(12),
        organisation_id=organisation_id,
        responsible_id=new.responsible_id,
        name=rules.line("name", new.name, NAME_LENGTH),
        kind=new.kind,
        auth_method=new.auth_method,
        secret_sha256=hashlib.sha256(secret.encode()).hexdigest() if secret else None,
        jwks=_keys(new),
        redirect_uris=[_address(each, new.kind) for each in new.redirect_uris],
        scope=joined(frozenset(map(str, new.scopes))),
        id_token_alg=new.id_token_alg,
        dpop_required=new.dpop_required,
        networks=[_network(each) for each in new.networks],
        created_at=now,
        expires_at=now + LIFE,
    ), secret


def _check_shape(new: NewClient) -> None:
    machine = new.kind is ClientKind.MACHINE
    if machine and new.auth_method is not AuthMethod.PRIVATE_KEY_JWT:
        rules.refuse(
            "auth_method",
            "기계 계정은 서명 키로만 인증합니다.",
            "A machine proves itself with a key of its own only.",
        )
    if new.kind is ClientKind.WEB and new.auth_method is AuthMethod.NONE:
        rules.refuse(
            "auth_method",
            "웹 서버는 비밀값이나 서명 키로 인증해야 합니다.",
            "A web server must prove itself with a secret or a key.",
        )
    if new.kind is ClientKind.NATIVE and new.auth_method is not AuthMethod.NONE:
        rules.refuse(
            "auth_method",
            "개인 기기의 앱은 비밀을 지킬 수 없으므로 인증 수단을 갖지 않습니다.",
            "An app on a person's device cannot keep a secret, so it has none.",
        )
    if machine and not new.scopes <= MACHINE_SCOPES:
        rules.refuse(
            "scopes",
            "기계 계정에는 읽기·쓰기·다운로드 범위만 줄 수 있습니다.",
            "A machine may only be given reading, writing and downloading.",
        )
    if not new.scopes:
        rules.refuse("scopes", "권한 범위를 하나 이상 고르십시오.", "Choose at least one scope.")
    if machine and new.responsible_id is None:
        rules.refuse(
            "responsible_id",
            "기계 계정을 책임질 구성원을 고르십시오.",
            "Choose the member who answers for the machine.",
        )
    if not machine and not 1 <= len(new.redirect_uris) <= MOST_ADDRESSES:
        rules.refuse(
            "redirect_uris",
            f"돌아갈 주소를 1~{MOST_ADDRESSES}개 적으십시오.",
            f"Name 1 to {MOST_ADDRESSES} addresses to come back to.",
        )


def _address(uri: str, kind: ClientKind) -> str:
    """A redirect address: https, this machine, or an app's own scheme (RFC 8252 7)."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    plain = uri.isascii() and uri.isprintable() and " " not in uri and len(uri) <= LONGEST_URI
    clean = plain and not parts.fragment and "#" not in uri and "@" not in parts.netloc
    local = parts.scheme == "http" and parts.hostname in LOOPBACK | {"localhost"}
    web = parts.scheme == "https" and bool(parts.hostname) and "*" not in uri
    own = kind is ClientKind.NATIVE and "." in parts.scheme and not parts.netloc
    if not (clean and (web or local or own)):
        rules.refuse(
            "redirect_uris",
            f"{uri[:80]}: https 주소, 이 컴퓨터의 주소, 또는 앱 고유 주소(com.example:/…)여야 "
            "합니다.",
            f"{uri[:80]}: this must be an https address, one of this machine, or an app's own "
            "scheme (com.example:/…).",
        )
    return uri


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text.strip()))
    except ValueError:
        rules.refuse(
            "networks",
            f"{text[:60]}: 10.0.0.0/8 같은 네트워크 주소여야 합니다.",
            f"{text[:60]}: this must be a network such as 10.0.0.0/8.",
        )


def _keys(new: NewClient) -> dict[str, Any]:
    if new.auth_method is not AuthMethod.PRIVATE_KEY_JWT:
        return {"keys": []}
    try:
        value = json.loads(new.jwks)
        listed = value["keys"] if isinstance(value, dict) and "keys" in value else [value]
        keys = [jose.public_key(each) for each in listed]
    except (ValueError, TypeError, RecursionError, BadToken):
        keys = []
    if not 1 <= len(keys) <= MOST_KEYS:
        rules.refuse(
            "jwks",
            f"공개키(JWK) 1~{MOST_KEYS}개를 JSON으로 적으십시오. P-256 또는 2048비트 이상의 "
            "RSA여야 하며 개인키를 넣으면 안 됩니다.",
            f"Give 1 to {MOST_KEYS} public keys as JSON Web Keys: P-256, or RSA of at least "
            "2,048 bits, and never a private one.",
        )
    return {"keys": [key.as_dict(private=False) for key in keys]}


def _check_manager(session: Session, actor: Actor, organisation_id: uuid.UUID) -> None:
    if not is_manager(session, actor, organisation_id):
        raise manager_missing(actor)


def _check_responsible(session: Session, organisation_id: uuid.UUID, row: OAuthClient) -> None:
    if row.responsible_id is None:
        return
    belongs = select(Membership.id).where(
        Membership.organisation_id == organisation_id,
        Membership.person_id == row.responsible_id,
        Membership.confirmed_by.is_not(None),
        Membership.ended_at.is_(None),
    )
    if session.scalar(belongs) is None:
        rules.refuse(
            "responsible_id",
            "책임자는 이 기관의 확인된 구성원이어야 합니다.",
            "Whoever answers for it must be a confirmed member of this organisation.",
        )
