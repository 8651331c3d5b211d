"""The way to a provider and back: begun by one browser, finished by it, once, in ten minutes."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog
from prometheus_client import Counter
from sqlalchemy import ColumnElement, delete, select

from gateway.errors import Problem, ProblemCode
from gateway.identity import guessing, throttle
from gateway.identity.federation.directory import Directory
from gateway.identity.federation.exchange import Answer, Exchange, Proven, Secrets
from gateway.identity.federation.refusals import Refusal, Refused, problem
from gateway.identity.models_federation import FlowPurpose, ProviderFlow
from gateway.identity.service_sessions import digest
from gateway.identity.throttle import Kind, Subject
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.observability.metrics import REGISTRY
from gateway.provider_settings import IdentityProvider
from gateway.runtime import Runtime
from gateway.security.throttle import group

LIFETIME = timedelta(minutes=10)
SECRET_BYTES = 32
CALLBACK = "/sign-in/with/{}/back"
ANSWERS = Counter(
    "sumun_identity_provider_answers",
    "Answers of identity providers: accepted, or why not",
    ("provider", "outcome"),
    registry=REGISTRY,
)
log = structlog.get_logger("gateway.identity.federation")


@dataclass(frozen=True, slots=True)
class Federation:
    """The configured providers and what they publish, for one process."""

    providers: Mapping[str, IdentityProvider]
    directory: Directory

    @classmethod
    def of(cls, runtime: Runtime) -> Federation:
        """The providers of `sumun.toml`."""
        configured = runtime.settings.identity_providers
        return cls({each.id: each for each in configured}, Directory(runtime.clock))

    def provider(self, provider_id: str) -> IdentityProvider:
        """The configured provider. Raises Problem 404."""
        found = self.providers.get(provider_id)
        if found is None:
            raise Problem(ProblemCode.NOT_FOUND)
        return found

    def exchange(self, runtime: Runtime, provider: IdentityProvider) -> Exchange:
        """The gateway as this provider's client."""
        base = runtime.settings.public_url.rstrip("/")
        redirect_uri = base + CALLBACK.format(provider.id)
        return Exchange(provider, self.directory, redirect_uri, runtime.clock)


@dataclass(frozen=True, slots=True)
class Errand:
    """What a person goes to a provider for. `session_id` is the session that links."""

    purpose: FlowPurpose
    session_id: uuid.UUID | None = None
    next: str = "/"


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the person goes, and the secret that only their browser keeps."""

    address: str
    browser: str


def begin(
    runtime: Runtime, federation: Federation, actor: Actor, provider_id: str, errand: Errand
) -> Begun:
    """Begin a flow. Raises Problem 404, 429, or 503 when the provider cannot be used."""
    provider = federation.provider(provider_id)
    refusal = Entry(actor, Act.IDENTITY_REFUSED, detail={"provider": provider.id})
    guessing.attempt(runtime, refusal, counted_by(runtime, actor))
    kept = Secrets(secrets.token_urlsafe(SECRET_BYTES), secrets.token_urlsafe(SECRET_BYTES))
    try:
        address = federation.exchange(runtime, provider).address(kept)
    except Refused as error:
        raise refused(runtime, actor, provider.id, error) from error
    _store(runtime, provider, errand, kept)
    return Begun(address, kept.browser)


def finish(
    runtime: Runtime,
    federation: Federation,
    actor: Actor,
    provider_id: str,
    came: tuple[Answer, str],
) -> tuple[Errand, Proven]:
    """What the flow was for, and who the provider says it is about.

    `came` is the answer with the browser's secret. Raises Problem 403, 404 or 503; every refusal
    is an event. The flow is used up by the first try that names it, whatever comes of it.
    """
    provider = federation.provider(provider_id)
    answer, browser = came
    try:
        errand = _used(runtime, provider, Secrets(browser, answer.state))
        exchange = federation.exchange(runtime, provider)
        proven = exchange.proven(answer, Secrets(browser, answer.state))
    except Refused as error:
        raise refused(runtime, actor, provider.id, error) from error
    ANSWERS.labels(provider.id, "accepted").inc()
    return errand, proven


def refused(runtime: Runtime, actor: Actor, provider_id: str, error: Refused) -> Problem:
    """Write the refusal down, and give what the person reads."""
    ANSWERS.labels(provider_id, str(error.reason)).inc()
    log.warning("provider refused", provider=provider_id, why=str(error))
    detail = {"provider": provider_id} if provider_id else {}
    runtime.folding.record(
        Entry(actor, Act.IDENTITY_REFUSED, Outcome.DENY, reason=str(error.reason), detail=detail)
    )
    return problem(error.reason)


def counted_by(runtime: Runtime, actor: Actor) -> list[Subject]:
    """Under what flows count: the address. A sign-in that succeeds takes its attempt back."""
    return [throttle.subject(runtime, Kind.PROVIDER, group(actor.place.address or ""))]


def _store(runtime: Runtime, provider: IdentityProvider, errand: Errand, kept: Secrets) -> None:
    now = runtime.clock.now()
    with runtime.db.write() as session:
        session.execute(delete(ProviderFlow).where(ProviderFlow.expires_at <= now))
        session.add(
            ProviderFlow(
                state_sha256=digest(kept.state),
                browser_sha256=digest(kept.browser),
                provider=provider.id,
                purpose=errand.purpose,
                session_id=errand.session_id,
                next=errand.next,
                expires_at=now + LIFETIME,
            )
        )


def _used(runtime: Runtime, provider: IdentityProvider, kept: Secrets) -> Errand:
    """The flow, taken away: of two answers at once, one finds it. Raises Refused."""
    now = runtime.clock.now()
    ours = (
        (ProviderFlow.state_sha256 == digest(kept.state))
        & (ProviderFlow.browser_sha256 == digest(kept.browser))
        & (ProviderFlow.provider == provider.id)
        & (ProviderFlow.expires_at > now)
    )
    with runtime.db.read() as reading:
        # A flood of made-up answers costs no write.
        known = reading.scalar(select(ProviderFlow.state_sha256).where(ours))
    row = _taken(runtime, ours) if known else None
    if row is None:
        raise Refused(Refusal.STATE)
    return row


def _taken(runtime: Runtime, ours: ColumnElement[bool]) -> Errand | None:
    columns = (ProviderFlow.purpose, ProviderFlow.session_id, ProviderFlow.next)
    with runtime.db.write() as session:
        row = session.execute(delete(ProviderFlow).where(ours).returning(*columns)).one_or_none()
    return Errand(FlowPurpose(row.purpose), row.session_id, row.next) if row else None
