"""Identity checks: by an agency that the person is sent to, or by somebody who saw a paper.

Of the CI only a keyed hash is stored, so that one person has one checked account. The flow is used
up by the first try that names it; nothing is asked of the agency within a transaction.
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from gateway.identity import guessing, throttle
from gateway.identity.identity_marks import Checked, Unfit, claim, mark_of, record_in
from gateway.identity.identity_refusals import not_configured, refused
from gateway.identity.identity_verifier import (
    CheckDeclined,
    CheckFailed,
    IdentityVerifier,
    Verified,
)
from gateway.identity.models_crowd import IdentityCheck
from gateway.identity.service_people import get_person
from gateway.identity.throttle import Kind, Subject
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime

RETURN_PATH = "/account/identity-check/return"
LIFETIME = timedelta(minutes=15)
# Between the agency's clock and ours.
SLACK = timedelta(minutes=2)
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Errand:
    """Who is checked, in which session: the answer counts in that one only."""

    actor: Actor
    person_id: uuid.UUID
    session_id: uuid.UUID


def begin(runtime: Runtime, verifier: IdentityVerifier, errand: Errand) -> str:
    """Begin a check; returns where the person goes.

    Raises Problem 409 where no agency is configured, 429 for too many, 503 when it gives no answer.
    """
    if not verifier.ready:
        raise not_configured()
    refusal = Entry(errand.actor, Act.IDENTITY_CHECK_REFUSED)
    guessing.attempt(runtime, refusal, _counted(runtime, errand))
    state = secrets.token_urlsafe(SECRET_BYTES)
    base = runtime.settings.public_url.rstrip("/")
    try:
        started = verifier.start(f"{base}{RETURN_PATH}?state={state}")
    except CheckFailed as error:
        raise refused(runtime, errand.actor, "agency_unclear") from error
    _store(runtime, errand, _digest(state), started.reference)
    return started.address


def finish(runtime: Runtime, verifier: IdentityVerifier, errand: Errand, state: str) -> int:
    """Take the agency's answer about the person who came back; returns the level that holds now.

    Raises Problem 404 for a flow that is used, over or another session's, 409 IDENTITY_KNOWN when
    another account has been checked as the same person or this one as another, 422 for another
    name, 503 when there is no clear answer. Every refusal is an event.
    """
    check = _used(runtime, errand, state)
    try:
        found = verifier.result(check.reference)
    except CheckFailed as error:
        declined = isinstance(error, CheckDeclined)
        why = "agency_declined" if declined else "agency_unclear"
        raise refused(runtime, errand.actor, why) from error
    begun = check.expires_at - LIFETIME
    if not begun - SLACK <= found.at <= runtime.clock.now() + SLACK:
        raise refused(runtime, errand.actor, "agency_unclear")
    return _accept(runtime, errand, found, check.reference)


def forget(runtime: Runtime) -> None:
    """Delete flows that nobody came back from."""
    over = IdentityCheck.expires_at <= runtime.clock.now()
    with runtime.db.read() as session:
        if session.scalar(select(IdentityCheck.state_sha256).where(over).limit(1)) is None:
            return
    with runtime.db.write() as session:
        session.execute(delete(IdentityCheck).where(over))


def _store(runtime: Runtime, errand: Errand, state_sha256: str, reference: str) -> None:
    row = IdentityCheck(
        state_sha256=state_sha256,
        person_id=errand.person_id,
        session_id=errand.session_id,
        reference=reference,
        expires_at=runtime.clock.now() + LIFETIME,
    )
    with runtime.db.write() as session:
        session.add(row)
        begun = Entry(errand.actor, Act.IDENTITY_CHECK_BEGUN, ref=f"person:{errand.person_id}")
        runtime.journal.record(session, begun)


@dataclass(frozen=True, slots=True)
class _Flow:
    reference: str
    expires_at: datetime


def _used(runtime: Runtime, errand: Errand, state: str) -> _Flow:
    """The flow, which no later try finds again: of two at once, one."""
    with runtime.db.write() as session:
        row = session.execute(
            delete(IdentityCheck)
            .where(IdentityCheck.state_sha256 == _digest(state))
            .where(IdentityCheck.person_id == errand.person_id)
            .where(IdentityCheck.session_id == errand.session_id)
            .returning(IdentityCheck.reference, IdentityCheck.expires_at)
        ).first()
    if row is None or row.expires_at <= runtime.clock.now():
        raise refused(runtime, errand.actor, "flow_unknown")
    return _Flow(row.reference, row.expires_at)


def _accept(runtime: Runtime, errand: Errand, found: Verified, reference: str) -> int:
    assert found.ci is not None, "an agency answers with a CI"
    mark = mark_of(runtime, found.ci)
    try:
        with runtime.db.write() as session:
            person = get_person(session, errand.person_id, lock=True)
            if _plain(found.name) != _plain(person.name):
                raise Unfit("name_differs")
            claim(session, runtime, person.id, mark, found)
            record_in(session, runtime, errand.actor, person, Checked(found, reference))
            throttle.succeeded(session, _counted(runtime, errand))
    except Unfit as unfit:
        raise refused(runtime, errand.actor, unfit.why) from None
    except IntegrityError:
        # Two accounts of one person at the same moment: the index lets one of them in.
        raise refused(runtime, errand.actor, "identity_known") from None
    return found.level


def _counted(runtime: Runtime, errand: Errand) -> list[Subject]:
    return [throttle.subject(runtime, Kind.FACTOR, f"identity:{errand.person_id}")]


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split()).casefold()


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()
