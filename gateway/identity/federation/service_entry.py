"""Coming in through a provider: a linked identity signs in, another waits for its owner's word.

An identity is never attached to an account because names or addresses agree: whoever may choose
an address at some provider could then take the account over.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gateway.identity import guessing, throttle
from gateway.identity.factors import has_factor
from gateway.identity.federation.exchange import Proven
from gateway.identity.federation.refusals import Refusal, Refused
from gateway.identity.federation.service_flows import Federation, counted_by, refused
from gateway.identity.federation.service_links import add_link
from gateway.identity.models import Person, PersonStatus
from gateway.identity.models_federation import LinkedIdentity, WaitingIdentity
from gateway.identity.service_consents import check_consents
from gateway.identity.service_credentials import stopped
from gateway.identity.service_people import (
    Made,
    NewPerson,
    acting,
    add_person,
    get_person,
    valid_person,
)
from gateway.identity.service_roles import roles_of
from gateway.identity.service_second import Pending, pend
from gateway.identity.service_sessions import (
    TOKEN_BYTES,
    Opening,
    SignedIn,
    digest,
    open_session,
)
from gateway.identity.site_documents import SiteDocument
from gateway.identity.ways import expect_recent
from gateway.journal import Act, Actor, Entry, Outcome, PartyKind
from gateway.runtime import Runtime

WAITS = timedelta(minutes=30)
FEDERATED = "fed"


@dataclass(frozen=True, slots=True)
class Waiting:
    """The one time that the token of a waiting identity is in plain sight."""

    token: str


def enter(
    runtime: Runtime, actor: Actor, proven: Proven, how: Opening
) -> SignedIn | Pending | Waiting:
    """A session of the person this identity is linked to, or where they have set up a second
    factor a sign-in half done; an unlinked identity waits.

    Raises Problem 401 for a stopped account, 403 for staff whose provider signs nothing; both are
    events.
    """
    try:
        with runtime.db.write() as session:
            person = _owner(session, proven)
            if person is not None and person.status == PersonStatus.ACTIVE:
                return _opened(session, runtime, actor, (person, proven, how))
    except Refused as error:
        raise refused(runtime, actor, proven.provider, error) from error
    if person is None:
        return _wait(runtime, proven)
    reason, detail = f"account_{person.status}", {"provider": proven.provider}
    runtime.folding.record(
        Entry(
            actor, Act.SESSION_REFUSED, Outcome.DENY, subjects=[person.id], reason=reason,
            detail=detail, about={person.id: {"account": person.account}},
        )
    )  # fmt: skip
    raise stopped()


def waiting(runtime: Runtime, token: str) -> Proven | None:
    """The identity that waits under `token`, or None."""
    with runtime.db.read() as session:
        found = session.scalar(select(WaitingIdentity.proven).where(_ours(runtime, token)))
    return _proven(found) if found else None


def link_waiting(
    runtime: Runtime, federation: Federation, actor: Actor, waiting_in: tuple[str, uuid.UUID]
) -> None:
    """Link the identity that waits in this browser to the actor, who has said so.

    `waiting_in` is its token with the session of this request. Raises Problem 403 when it waits no
    longer, or is linked; a refusal is an event. Raises 401 or 409 as `ways.expect_recent`.
    """
    token, session_id = waiting_in
    try:
        with runtime.db.write() as session:
            get_person(session, actor.person_id, lock=True)
            expect_recent(session, runtime, session_id)
            proven = _taken(session, runtime, token)
            add_link(session, runtime, federation, actor, proven)
    except Refused as error:
        raise refused(runtime, actor, "", error) from error


def sign_up(
    runtime: Runtime,
    federation: Federation,
    actor: Actor,
    new: tuple[NewPerson, Mapping[SiteDocument, str], str],
) -> Proven:
    """Make an account for the identity that waits in this browser, and link it, together.

    `new` is the person, the hashes of the documents they accepted, and the token. There is no
    password: the person signs in through the provider. Raises Problem 403 when the identity waits
    no longer, 409 for a taken account name or changed documents, 422 for a field, 429.
    """
    asked, consents, token = new
    check_consents(consents)
    person = valid_person(runtime, asked)
    guessing.count_sign_up(runtime, actor)
    themselves = replace(acting(actor, person), kind=PartyKind.PERSON)
    try:
        with runtime.db.write() as session:
            proven = _taken(session, runtime, token)
            made = Made(person, themselves, Act.PERSON_SIGNED_UP, consents)
            add_person(session, runtime, made)
            add_link(session, runtime, federation, themselves, proven)
            return proven
    except Refused as error:
        raise refused(runtime, actor, "", error) from error


def _owner(session: Session, proven: Proven) -> Person | None:
    linked = select(LinkedIdentity.person_id).where(
        LinkedIdentity.issuer == proven.issuer,
        LinkedIdentity.subject == proven.subject,
        LinkedIdentity.ended_at.is_(None),
    )
    found = session.scalar(linked)
    if found is None:
        return None
    person = session.get_one(Person, found, with_for_update=True)
    # It may have been unlinked while this waited for the person's lock.
    return person if session.scalar(linked) == person.id else None


def _opened(
    session: Session, runtime: Runtime, actor: Actor, who: tuple[Person, Proven, Opening]
) -> SignedIn | Pending:
    person, proven, how = who
    if not proven.signed and roles_of(session, person.id, runtime.clock.now()):
        raise Refused(Refusal.UNSIGNED_FOR_STAFF)
    throttle.succeeded(session, counted_by(runtime, actor))
    shown = replace(how, amr=FEDERATED, detail=_shown(proven))
    if has_factor(session, person.id):
        return pend(session, runtime, person, shown)
    return open_session(session, runtime, actor, person, shown)


def _shown(proven: Proven) -> dict[str, str]:
    """How the person showed who they are, for the session's event."""
    said = {"provider_acr": proven.acr, "provider_amr": ",".join(proven.amr)}
    signed = "id_token" if proven.signed else "profile"
    return {"provider": proven.provider, "shown_by": signed} | {k: v for k, v in said.items() if v}


def _wait(runtime: Runtime, proven: Proven) -> Waiting:
    token, now = secrets.token_urlsafe(TOKEN_BYTES), runtime.clock.now()
    with runtime.db.write() as session:
        session.execute(delete(WaitingIdentity).where(WaitingIdentity.expires_at <= now))
        session.add(
            WaitingIdentity(
                token_sha256=digest(token),
                # Visas are not kept: the provider hands them over again at the next sign-in.
                proven=asdict(replace(proven, visas=())),
                expires_at=now + WAITS,
            )
        )
    return Waiting(token)


def _taken(session: Session, runtime: Runtime, token: str) -> Proven:
    """The waiting identity, taken away: of two who ask at once, one gets it. Raises Refused."""
    taken = delete(WaitingIdentity).where(_ours(runtime, token)).returning(WaitingIdentity.proven)
    found = session.scalar(taken)
    if found is None:
        raise Refused(Refusal.STATE)
    return _proven(found)


def _ours(runtime: Runtime, token: str) -> Any:
    live = WaitingIdentity.expires_at > runtime.clock.now()
    return (WaitingIdentity.token_sha256 == digest(token)) & live


def _proven(stored: Mapping[str, Any]) -> Proven:
    lists = {name: tuple(stored.get(name, ())) for name in ("organisations", "amr", "visas")}
    return Proven(**{**stored, **lists})
