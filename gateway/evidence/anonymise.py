"""Takes a person out of the gateway's own tables; rows stay, since others' decisions point there.

What is taken: account, name, mail address, country, the reason of a state, names of devices,
evidence's issuer, number and reasons, the name typed under an agreement, names and reasons of
files for a safe zone, accounts written into submitted applications, and whose the facts behind
decisions were; passkeys and all else that signs in; how outside providers and an organisation's
directory call the person, and where a signature was asked of them by mail. Stored answers of the
last day go too. Titles and plans of research projects stay:
they are records of what was decided.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from gateway.agreements.models import Acceptance
from gateway.applications.models import (
    Application,
    ApplicationRevision,
    ProjectMember,
    ResearchProject,
)
from gateway.evidence import anonymise_outside as outside
from gateway.identity.models import (
    Attestation,
    Person,
    PersonStatus,
    SignInSession,
)
from gateway.identity.service_leaving import DELETED, take_away
from gateway.policy.models import PolicyFacts
from gateway.runtime import Runtime
from gateway.web.models import IdempotencyKey
from gateway.zones.models import ZoneImport

NOBODY = "erased"


def anonymise(session: Session, runtime: Runtime, person: Person) -> None:
    """Replace what names the person, in the caller's transaction."""
    account = person.account
    alias = f"{NOBODY}-{person.id.hex[-12:]}"
    _in_submissions(session, person, (account, alias))
    take_away(session, runtime, person.id)
    outside.anonymise(session, runtime, person, alias)
    person.account, person.name, person.email = alias, NOBODY, f"{alias}@invalid"
    person.country, person.korean_national = "ZZ", None
    person.status, person.status_reason = PersonStatus.CLOSED, ""
    person.password_hash = ""
    for table, values in _FIELDS:
        session.execute(update(table).where(table.person_id == person.id).values(**values))
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.actor == str(person.id)))


_FIELDS: tuple[tuple[Any, dict[str, str | None]], ...] = (
    (SignInSession, {"device": ""}),
    (Attestation, {"issuer": NOBODY, "reference": NOBODY, "reason": "", "end_reason": ""}),
    (Acceptance, {"typed_name": NOBODY}),
    (ZoneImport, {"name": NOBODY, "reason": NOBODY}),
    (PolicyFacts, {"person_id": None}),
)


TABLES = (
    "audit_person_keys",
    *(
        model.__tablename__
        for model in (
            Person, SignInSession, Attestation, Acceptance, IdempotencyKey,
            ApplicationRevision, ZoneImport, PolicyFacts,
            *(table for _name, table in DELETED), *outside.MODELS,
        )
    ),
)  # fmt: skip
"""Every table that holds what is destroyed or replaced."""


def _in_submissions(session: Session, person: Person, names: tuple[str, str]) -> None:
    """Submitted applications quote supervisor and team by account."""
    account, alias = names
    team = select(ProjectMember.project_id).where(ProjectMember.person_id == person.id)
    theirs = or_(ResearchProject.supervisor_id == person.id, ResearchProject.id.in_(team))
    rows = session.scalars(
        select(ApplicationRevision)
        .join(Application, Application.id == ApplicationRevision.application_id)
        .join(ResearchProject, ResearchProject.id == Application.project_id)
        .where(theirs)
    )
    for row in rows:
        row.content = json.loads(json.dumps(row.content), object_hook=_swap(account, alias))


def _swap(account: str, alias: str) -> Any:
    def one(value: Any) -> Any:
        return alias if value == account else value

    def swap(content: dict[str, Any]) -> dict[str, Any]:
        return {
            key: [one(each) for each in value] if isinstance(value, list) else one(value)
            for key, value in content.items()
        }

    return swap
