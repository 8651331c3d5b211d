"""The browser session in which somebody let a program in: whether it lives, and what it showed."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from gateway.identity.models import Acr, Person, SignInSession
from gateway.runtime import Runtime


def still_signed_in(
    session: Session, runtime: Runtime, person_id: uuid.UUID, session_id: uuid.UUID | None
) -> SignInSession | None:
    """The session of a consent, unless it has ended since: whoever ends a session that was stolen
    also ends what it has just consented to. The person is locked first, as by whoever ends all of
    their sessions."""
    session.get(Person, person_id, with_for_update=True)
    browser = session.get(SignInSession, session_id) if session_id else None
    if browser is None or browser.ended_at is not None:
        return None
    return browser if browser.expires_at > runtime.clock.now() else None


def carried(browser: SignInSession) -> dict[str, str]:
    """How a program's session says that its person was authenticated. What a passkey confirmed in
    the browser it did not confirm for the program."""
    acr = Acr.MFA if browser.acr == Acr.PHR else browser.acr
    return {"acr": acr, "amr": browser.amr}
