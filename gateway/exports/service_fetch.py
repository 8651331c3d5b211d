"""Fetching a released export: a signed address, asked for again with every request it carries."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.access.ask import NEVER, Ask, Caller
from gateway.delivery.gate import Gate
from gateway.delivery.service import Subject, issue
from gateway.delivery.tokens import Claims, Kind
from gateway.errors import Problem, ProblemCode
from gateway.exports.models import Export, ExportKind
from gateway.exports.service_reading import export_facts, find_own, not_found, see
from gateway.journal import Actor
from gateway.runtime import Runtime
from policies.vocabulary import Action

ZIP = "application/zip"


@dataclass(frozen=True, slots=True)
class Address:
    """A signed address of an export's ZIP file; `size` in bytes, `sha256` hex."""

    url: str
    expires_at: datetime
    name: str
    sha256: str
    size: int


def issue_address(
    gate: Gate,
    actor: Actor,
    export_id: uuid.UUID,
    ttl_seconds: int | None = None,
    caller: Caller = NEVER,
) -> Address:
    """A signed address for the actor's own released export; the event is durable first.

    `caller` is the session's. Raises Problem NOT_FOUND, ACCESS_DENIED with every blocker,
    INSUFFICIENT_USER_AUTHENTICATION, WRONG_STATE for an export that has no content yet.
    """
    with gate.runtime.db.read() as session:
        export = find_own(session, actor, export_id)
        seen = see(session, export)
        facts = export_facts(session, export, is_holder=True)
    if export.content_sha256 is None:
        raise Problem(
            ProblemCode.WRONG_STATE,
            "아직 받을 수 있는 내용이 없습니다. 반출 페이지에서 상태를 확인해 주십시오.",
            "There is nothing to fetch yet. See its state on the export's page.",
        )
    name = file_name(export, seen.dataset.slug, seen.label)
    ask = Ask(
        Action.FETCH_EXPORT,
        person_id=actor.person_id,
        grant_id=export.grant_id,
        version_id=export.version_id,
        export=facts,
        caller=caller,
    )
    content, size = export.content_sha256, export.bytes
    subject = Subject(Kind.EXPORT, export.id, name, content, size, ZIP)
    url, expires_at = issue(gate, actor, ask, subject, ttl_seconds)
    return Address(url, expires_at, name, content, size)


def ask_for(runtime: Runtime, claims: Claims) -> Ask:
    """What the one door is asked for a signed address of an export: with its state as it is now.

    Raises Problem NOT_FOUND for an export that does not exist.
    """
    with runtime.db.read() as session:
        export = session.get(Export, claims.subject_id)
        if export is None or export.grant_id != claims.grant_id:
            raise not_found()
        facts = export_facts(session, export, is_holder=True)
    if export.content_sha256 != claims.sha256:
        facts = replace(facts, content_matches_decision=False)
    return Ask(
        Action.FETCH_EXPORT,
        grant_id=export.grant_id,
        version_id=export.version_id,
        epoch=claims.epoch,
        export=facts,
    )


def file_name(export: Export, slug: str, label: str | None) -> str:
    """The name under which an export is saved: dataset, version and the end of its number."""
    what = label if export.kind == ExportKind.PACKAGE else "result"
    return f"{slug}-{what}-{export.id.hex[-8:]}.zip"
