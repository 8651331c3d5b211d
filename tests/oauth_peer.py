"""A relying party written for the tests: it can also do what no honest one would."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import select

from gateway.identity.models import (
    Acr,
    Membership,
    MembershipKind,
    Organisation,
    Person,
    SessionChannel,
)
from gateway.identity.oauth import service_devices as devices
from gateway.identity.oauth.clients import Client, find_client
from gateway.identity.oauth.models import AuthMethod, ClientKind, OAuthClient
from gateway.identity.oauth.service_clients import NewClient, register
from gateway.identity.oauth.vocabulary import ASSERTION_TYPE, Scope
from gateway.identity.service_sessions import Opening, list_sessions, open_session
from tests import people

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from gateway.runtime import Runtime

BACK = "https://rp.example.org/cb"
ALL = frozenset(Scope)
VERIFIER = "v" * 43


def challenge(verifier: str = VERIFIER) -> str:
    return b64(hashlib.sha256(verifier.encode()).digest())


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def organisation(runtime: Runtime, manager: Person, *members: Person) -> uuid.UUID:
    """A verified organisation with its manager and members."""
    now = runtime.clock.now()
    row = Organisation(
        id=uuid.uuid4(), name=f"기관 {secrets.token_hex(3)}", kind="company", country="KR",
        status="verified", created_by=manager.id, created_at=now,
    )  # fmt: skip
    with runtime.db.write() as session:
        session.add(row)
        session.flush()
        for one in (manager, *members):
            kind = MembershipKind.MANAGER if one is manager else MembershipKind.MEMBER
            session.add(
                Membership(
                    id=uuid.uuid4(),
                    person_id=one.id,
                    organisation_id=row.id,
                    kind=kind,
                    confirmed_by=manager.id,
                    started_at=now,
                )
            )
    return row.id


@dataclass
class Peer:
    """A registered program and its keys."""

    runtime: Runtime
    http: FlaskClient
    client_id: str
    secret: str | None = None
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))
    proof_key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))
    nonce: str | None = None

    @property
    def issuer(self) -> str:
        return self.runtime.settings.public_url.rstrip("/")

    def now(self) -> int:
        return int(self.runtime.clock.now().timestamp())

    def ask(self, **changes: Any) -> str:
        """The address to send a browser to."""
        given = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": BACK,
            "scope": "openid profile offline_access read", "state": "st", "nonce": "no",
            "code_challenge": challenge(), "code_challenge_method": "S256",
        } | changes  # fmt: skip
        return "/oauth2/authorize?" + urlencode({k: v for k, v in given.items() if v is not None})

    def code(self, browser: FlaskClient, **changes: Any) -> str:
        """A code that the person signed in at `browser` agreed to."""
        answer = allow(browser, self.ask(**changes))
        return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]

    def assertion(self, header: dict[str, Any] | None = None, **changes: Any) -> str:
        claims = {
            "iss": self.client_id, "sub": self.client_id, "aud": self.issuer,
            "jti": secrets.token_hex(8), "iat": self.now(), "exp": self.now() + 60,
        } | changes  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        head = {"alg": "ES256", "typ": "JWT"} | (header or {})
        return jwt.encode(head, claims, self.key, ["ES256"])

    def proof(self, method: str, path: str, token: str | None = None, **changes: Any) -> str:
        header = {
            "alg": "ES256", "typ": changes.pop("typ", "dpop+jwt"),
            "jwk": changes.pop("jwk", self.proof_key.as_dict(private=False)),
        }  # fmt: skip
        header = {name: value for name, value in header.items() if value is not None}
        key = changes.pop("key", self.proof_key)
        claims: dict[str, Any] = {
            "htm": method, "htu": self.issuer + path, "jti": secrets.token_hex(8),
            "iat": self.now(), "nonce": self.nonce,
        }  # fmt: skip
        if token:
            claims["ath"] = b64(hashlib.sha256(token.encode()).digest())
        claims = {k: v for k, v in (claims | changes).items() if v is not None}
        return jwt.encode(header, claims, key, ["ES256"])

    def token(self, *, dpop: bool = False, proof: str | None = None, **body: Any) -> Any:
        """One call of the token endpoint; with `dpop` the nonce is learnt and used."""
        headers = self._basic()
        given = {"client_id": self.client_id} | body if self.secret is None else body
        if proof is not None:
            headers["DPoP"] = proof
        elif dpop:
            self._learn(given)
            headers["DPoP"] = self.proof("POST", "/oauth2/token")
        return self.http.post("/oauth2/token", data=given, headers=headers)

    def redeem(self, code: str, **changes: Any) -> Any:
        given = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": BACK,
            "code_verifier": VERIFIER,
        } | changes  # fmt: skip
        return self.token(**{name: value for name, value in given.items() if value is not None})

    def refresh(self, token: str, **changes: Any) -> Any:
        return self.token(grant_type="refresh_token", refresh_token=token, **changes)

    def get(self, path: str, token: str, *, dpop: bool = False, **changes: Any) -> Any:
        if not dpop:
            return self.http.get(path, headers={"Authorization": f"Bearer {token}"})
        proof = changes.pop("proof", None) or self.proof("GET", path, token, **changes)
        headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
        return self.http.get(path, headers=headers)

    def _learn(self, _body: dict[str, Any]) -> None:
        answer = self.http.post("/oauth2/token", data={"grant_type": "none"}, headers={"DPoP": "x"})
        self.nonce = answer.headers["DPoP-Nonce"]

    def _basic(self) -> dict[str, str]:
        if self.secret is None:
            return {}
        raw = f"{self.client_id}:{self.secret}".encode()
        return {"Authorization": "Basic " + base64.b64encode(raw).decode()}


def allow(browser: FlaskClient, address: str) -> Any:
    """Answer a consent page with yes."""
    token = people.csrf(browser, address)
    return browser.post(address, data={"csrf_token": token, "decision": "allow"})


def web(runtime: Runtime, http: FlaskClient, manager: Person, **changes: Any) -> Peer:
    """A web server with a secret, of a new organisation."""
    new = {
        "name": "연구 포털", "kind": ClientKind.WEB, "auth_method": AuthMethod.SECRET_BASIC,
        "scopes": ALL, "redirect_uris": (BACK,),
    } | changes  # fmt: skip
    made = register(
        runtime, people.acting_as(manager), organisation(runtime, manager), NewClient(**new)
    )
    return Peer(runtime, http, made.client_id, made.secret)


def machine(
    runtime: Runtime, http: FlaskClient, manager: Person, responsible: Person, **changes: Any
) -> Peer:
    """A machine of a new organisation for which `responsible` answers, accepted with a passkey, or
    as `accepted` says; None for one that still waits."""
    acr = changes.pop("accepted", Acr.PHR)
    place = organisation(runtime, manager, responsible)
    made = machine_of(runtime, http, place, manager, responsible, **changes)
    if acr is not None:
        accepted(runtime, made.client_id, acr)
    return made


def machine_of(
    runtime: Runtime,
    http: FlaskClient,
    place: uuid.UUID,
    manager: Person,
    responsible: Person,
    **changes: Any,
) -> Peer:
    """A machine of this organisation, which nobody has accepted yet."""
    key = ECKey.generate_key("P-256")
    new = {
        "name": "야간 수집기", "kind": ClientKind.MACHINE,
        "auth_method": AuthMethod.PRIVATE_KEY_JWT,
        "scopes": frozenset({Scope.READ, Scope.DOWNLOAD}), "responsible_id": responsible.id,
        "jwks": json.dumps(key.as_dict(private=False)),
    } | changes  # fmt: skip
    made = register(runtime, people.acting_as(manager), place, NewClient(**new))
    return Peer(runtime, http, made.client_id, None, key)


def accepted(runtime: Runtime, client_id: str, acr: Acr = Acr.PHR) -> None:
    """As after the responsible person's yes."""
    with runtime.db.write() as session:
        row = session.get_one(OAuthClient, client_id)
        row.accepted_at, row.accepted_acr = runtime.clock.now(), acr


def credentials(robot: Peer, **changes: Any) -> Any:
    """One call of the token endpoint by a machine."""
    body = {
        "grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": robot.assertion(),
    } | changes  # fmt: skip
    return robot.http.post("/oauth2/token", data=body)


def native(runtime: Runtime, http: FlaskClient) -> Peer:
    """The researcher's own command."""
    return Peer(runtime, http, "sumun-cli")


@dataclass(frozen=True, slots=True)
class Device:
    """A terminal that asked to come in, and somebody's look at its code."""

    cli: Client
    made: devices.NewDevice
    waiting: devices.WaitingDevice

    def poll(self, runtime: Runtime) -> Any:
        """What the terminal is told when it asks."""
        given = (self.made.device_code, "jkt")
        return devices.poll_device(runtime, people.visitor(), self.cli, given)


def browser_session(runtime: Runtime, person: Person) -> uuid.UUID:
    """A session as a browser has one."""
    with runtime.db.write() as session:
        row = session.get_one(Person, person.id, with_for_update=True)
        how = Opening("", SessionChannel.BROWSER)
        open_session(session, runtime, people.acting_as(person), row, how)
    return sessions_of(runtime, person)[0]


def sessions_of(runtime: Runtime, person: Person) -> list[uuid.UUID]:
    """The person's live sessions, newest first."""
    with runtime.db.read() as session:
        return [one.id for one in list_sessions(session, person.id, runtime.clock.now())]


def let_in(
    runtime: Runtime, person: Person, waiting: devices.WaitingDevice, allowed: bool = True
) -> bool:
    """The person's answer to a device, in a browser session made for it."""
    answer = (allowed, browser_session(runtime, person))
    return devices.decide_device(runtime, people.acting_as(person), waiting, answer)


def device(runtime: Runtime, scope: str = "read") -> Device:
    """The client that ships asks to come in, and its code is looked up."""
    cli = find_client(runtime, "sumun-cli")
    assert cli is not None
    made = devices.start_device(runtime, cli, scope, None)
    waiting = devices.waiting_device(runtime, made.user_code, lambda _id: cli)
    assert waiting is not None
    return Device(cli, made, waiting)


def membership(runtime: Runtime, person: Person) -> uuid.UUID:
    """The person's one membership."""
    with runtime.db.read() as session:
        found = session.scalar(select(Membership.id).where(Membership.person_id == person.id))
    assert found is not None
    return found
