"""Which outside identities sign a person in: linked after proof of both, listed, taken off."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway import ids
from gateway.errors import Problem, ProblemCode
from gateway.identity.federation import service_places
from gateway.identity.federation.exchange import Proven
from gateway.identity.federation.refusals import Refusal, Refused
from gateway.identity.federation.service_flows import Errand, Federation, refused
from gateway.identity.models import PersonStatus
from gateway.identity.models_federation import LinkedIdentity
from gateway.identity.passports.service_taking import end_of_identity
from gateway.identity.service_people import get_person
from gateway.identity.service_sessions import end_all_sessions
from gateway.identity.ways import expect_recent, keep_a_way
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime

LABEL_LENGTH = 254


def link(
    runtime: Runtime, federation: Federation, actor: Actor, came: tuple[Errand, Proven, uuid.UUID]
) -> None:
    """Link the identity to the actor, who began the errand in the session that now ends it.

    `came` ends with the session of this request. Raises Problem 403 for another session, or for
    an identity that is linked already; a refusal is an event. Raises 401 or 409 as
    `ways.expect_recent`.
    """
    errand, proven, session_id = came
    try:
        if errand.session_id != session_id:
            raise Refused(Refusal.OTHER_PERSON)
        with runtime.db.write() as session:
            get_person(session, actor.person_id, lock=True)
            expect_recent(session, runtime, session_id)
            add_link(session, runtime, federation, actor, proven)
    except Refused as error:
        raise refused(runtime, actor, proven.provider, error) from error


def add_link(
    session: Session, runtime: Runtime, federation: Federation, actor: Actor, proven: Proven
) -> LinkedIdentity:
    """Link in the caller's transaction, with what the provider states about organisations.

    Raises Refused when the identity is linked, or the person has one of the same issuer.
    """
    person = get_person(session, actor.person_id, lock=True)
    row = LinkedIdentity(
        id=ids.new(runtime.clock),
        person_id=person.id,
        provider=proven.provider,
        issuer=proven.issuer,
        subject=proven.subject,
        label=(proven.email or proven.name or proven.subject)[:LABEL_LENGTH],
        linked_at=runtime.clock.now(),
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise Refused(Refusal.LINKED_ELSEWHERE) from error
    runtime.journal.record(session, _entry(actor, Act.IDENTITY_LINKED, row))
    provider = federation.provider(proven.provider)
    service_places.ask_to_join(session, runtime, actor, provider, proven)
    return row


def unlink(
    runtime: Runtime, actor: Actor, identity_id: uuid.UUID, keep: uuid.UUID | None = None
) -> None:
    """Take one's own identity off; every session of the person but `keep` ends.

    Raises Problem 404, 409 when it is the last way to sign in, and 401 or 409 as
    `ways.expect_recent` of `keep`.
    """
    with runtime.db.write() as session:
        get_person(session, actor.person_id, lock=True)
        if keep is not None:
            expect_recent(session, runtime, keep)
        _end(session, runtime, actor, (identity_id, actor.person_id, keep))


def unlink_for(runtime: Runtime, actor: Actor, person_id: uuid.UUID, provider: str) -> None:
    """An operator takes a person's identity of a provider off; every session of theirs ends.

    Raises Problem 404, or 409 when it is the last way to sign in.
    """
    with runtime.db.write() as session:
        found = [row for row in identities_of(session, person_id) if row.provider == provider]
        if not found:
            raise Problem(
                ProblemCode.NOT_FOUND,
                "이 계정에 연결된 외부 계정이 아닙니다.",
                f"No identity of {provider} is linked to this account.",
            )
        _end(session, runtime, actor, (found[0].id, person_id, None))


def identities_of(session: Session, person_id: uuid.UUID) -> Sequence[LinkedIdentity]:
    """A person's live identities, oldest first."""
    return session.scalars(
        select(LinkedIdentity)
        .where(LinkedIdentity.person_id == person_id, LinkedIdentity.ended_at.is_(None))
        .order_by(LinkedIdentity.linked_at, LinkedIdentity.id)
    ).all()


def _end(
    session: Session,
    runtime: Runtime,
    actor: Actor,
    which: tuple[uuid.UUID, uuid.UUID | None, uuid.UUID | None],
) -> None:
    identity_id, person_id, keep = which
    person = get_person(session, person_id, lock=True)
    row = session.get(LinkedIdentity, identity_id)
    if row is None or row.person_id != person.id or row.ended_at is not None:
        raise Problem(ProblemCode.NOT_FOUND)
    if person.status != PersonStatus.CLOSED:
        keep_a_way(session, person.id)
    row.ended_at = runtime.clock.now()
    end_of_identity(session, runtime, actor, row.id)
    end_all_sessions(session, runtime, person.id, keep)
    runtime.journal.record(session, _entry(actor, Act.IDENTITY_UNLINKED, row))


def _entry(actor: Actor, act: Act, row: LinkedIdentity) -> Entry:
    detail = {"provider": row.provider}
    return Entry(actor, act, subjects=[row.person_id], ref=f"identity:{row.id}", detail=detail)
