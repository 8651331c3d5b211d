"""Issues signed addresses; the event of each is durable before the address is told."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.access import service as access
from gateway.access.ask import NEVER, Ask, Caller, Gathered, Intent
from gateway.catalog import manifest_index
from gateway.catalog.items import Item
from gateway.catalog.models import Dataset, DatasetVersion
from gateway.catalog.paths import PathInvalid, canonical
from gateway.clock import from_ms, to_ms
from gateway.delivery import address, tokens
from gateway.delivery.gate import Gate
from gateway.delivery.tokens import Claims, Kind
from gateway.errors import Problem, ProblemCode
from gateway.journal import Act, Actor
from policies.vocabulary import Action, VersionState

# Clocks of several gateways differ a little; an address must work on all of them at once.
SKEW = timedelta(seconds=30)
MIN_TTL_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file of a dataset: `version` None is the newest released, `grant_id` None the best."""

    dataset: str
    path: str
    version: str | None = None
    grant_id: uuid.UUID | None = None
    ttl_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What an address is for. `path` is canonical and ends in the file's name."""

    kind: Kind
    id: uuid.UUID
    path: str
    sha256: str
    size: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Issued:
    """A signed address and when it stops working."""

    url: str
    expires_at: datetime
    version: str | None
    item: Item


def issue_item(gate: Gate, actor: Actor, wanted: Wanted, caller: Caller = NEVER) -> Issued:
    """A signed address for one file. The event is durable first.

    `caller` is the session's. Raises Problem NOT_FOUND, VALIDATION_FAILED (path),
    ACCESS_DENIED with every blocker, INSUFFICIENT_USER_AUTHENTICATION.
    """
    runtime = gate.runtime
    path = _checked(wanted.path)
    with runtime.db.read() as session:
        dataset_id, version = _find(session, wanted)
    ask = Ask(
        Action.DOWNLOAD,
        person_id=actor.person_id,
        grant_id=wanted.grant_id,
        dataset_id=dataset_id,
        version_id=version.id,
        caller=caller,
    )
    intent = Intent(Act.URL_ISSUED, Act.URL_REFUSED, item=path)
    gathered, decision = access.consider(runtime, ask)
    if gathered.dataset_id != dataset_id:
        raise not_found()
    if not decision.allowed:
        access.refuse(runtime, actor, gathered, decision, intent)
    item = manifest_index.lookup(runtime, version, path)
    if item is None:
        raise not_found()
    subject = Subject(Kind.ITEM, version.id, path, item.sha256, item.size, item.media_type)
    url, expires = issue(gate, actor, ask, subject, wanted.ttl_seconds)
    return Issued(url, expires, gathered.version, item)


def issue(
    gate: Gate, actor: Actor, ask: Ask, subject: Subject, ttl_seconds: int | None = None
) -> tuple[str, datetime]:
    """A signed address for any object of a live grant, and its end; the event is durable first.

    The lifetime is at most the dataset's `url_ttl_seconds`, and never beyond the grant. Raises
    Problem as `access.service.authorize` does.
    """
    now, jti = gate.runtime.clock.now(), secrets.token_bytes(tokens.JTI_BYTES)
    detail = {"jti": jti.hex(), "sha256": subject.sha256, "size": subject.size}
    intent = Intent(
        Act.URL_ISSUED, Act.URL_REFUSED, subject.path, _ref(subject), _with_ttl(detail, ttl_seconds)
    )
    gathered = access.authorize(gate.runtime, actor, ask, intent).gathered
    claims = _claims(gathered, subject, jti, now, ttl_seconds)
    token = tokens.seal(claims, subject.path, gate.keys.live()[0])
    public = gate.runtime.settings.public_url.rstrip("/")
    return public + address.spell(token, subject.path), from_ms(claims.expires_ms)


def not_found() -> Problem:
    """The answer for a file, a version or a dataset that does not exist."""
    return Problem(
        ProblemCode.NOT_FOUND,
        "해당 데이터셋, 버전 또는 파일이 없습니다.",
        "There is no such dataset, version or file.",
    )


def _checked(path: str) -> str:
    try:
        return canonical(path)
    except PathInvalid as error:
        raise Problem(
            ProblemCode.VALIDATION_FAILED,
            "파일 경로가 올바르지 않습니다. 목록에 있는 경로를 그대로 사용해 주십시오.",
            "The path is not spelt as in the listing; copy it from there.",
            field="path",
            fault=str(error.fault),
        ) from None


def _find(session: Session, wanted: Wanted) -> tuple[uuid.UUID, DatasetVersion]:
    query = (
        select(DatasetVersion)
        .join(Dataset, Dataset.id == DatasetVersion.dataset_id)
        .where(Dataset.slug == wanted.dataset)
        .order_by(DatasetVersion.released_at.desc(), DatasetVersion.id.desc())
    )
    if wanted.version is None:
        query = query.where(DatasetVersion.state == str(VersionState.RELEASED))
    else:
        query = query.where(DatasetVersion.label == wanted.version)
    found = session.scalar(query.limit(1))
    if found is None:
        raise not_found()
    return found.dataset_id, found


def _with_ttl(detail: Mapping[str, Any], ttl_seconds: int | None) -> Mapping[str, Any]:
    return dict(detail) if ttl_seconds is None else {**detail, "ttl_seconds": ttl_seconds}


def _ref(subject: Subject) -> str | None:
    return f"export:{subject.id}" if subject.kind is Kind.EXPORT else None


def _claims(
    gathered: Gathered, subject: Subject, jti: bytes, now: datetime, ttl_seconds: int | None
) -> Claims:
    wanted = gathered.url_ttl_seconds if ttl_seconds is None else ttl_seconds
    ttl = max(MIN_TTL_SECONDS, min(wanted, gathered.url_ttl_seconds))
    end = to_ms(now + timedelta(seconds=ttl))
    grant_end = gathered.facts.standing.grant_ends_ms
    if gathered.grant_id is None or grant_end is None:
        raise Problem(ProblemCode.WRONG_STATE)
    return Claims(
        subject.kind,
        gathered.grant_id,
        gathered.epoch,
        subject.id,
        to_ms(now - SKEW),
        min(end, grant_end),
        jti,
        subject.sha256,
        subject.size,
        subject.media_type,
    )
