"""What ends with an account: every way to sign in, every program, every open offer of theirs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from gateway.identity.models import RecoveryToken, SignInSession
from gateway.identity.models_factors import OneTimePassword, Passkey, PendingSignIn, RecoveryCode
from gateway.identity.models_federation import LinkedIdentity, ProviderFlow
from gateway.identity.models_organisations import Invitation
from gateway.identity.oauth.models import AuthorizationCode, DeviceCode, OAuthToken
from gateway.identity.service_sessions import end_all_sessions
from gateway.runtime import Runtime

# What is only good for signing in, or for the minutes of doing so, is not kept at all.
DELETED: Sequence[tuple[str, Any]] = (
    ("passkeys", Passkey),
    ("one_time_passwords", OneTimePassword),
    ("recovery_codes", RecoveryCode),
    ("recovery_links", RecoveryToken),
    ("pending_sign_ins", PendingSignIn),
    ("codes", AuthorizationCode),
    ("device_sign_ins", DeviceCode),
)


def take_away(session: Session, runtime: Runtime, person_id: uuid.UUID) -> dict[str, int]:
    """End or delete, in the caller's transaction, all that signs a person in or acts for them.

    Returns how many of each there were, for the event. Invitations *to* the person's address
    stay: nobody has proved that the address is theirs.
    """
    now = runtime.clock.now()
    theirs = select(SignInSession.id).where(SignInSession.person_id == person_id)
    end_all_sessions(session, runtime, person_id)
    statements = {
        name: delete(table).where(table.person_id == person_id) for name, table in DELETED
    } | {
        "provider_flows": delete(ProviderFlow).where(ProviderFlow.session_id.in_(theirs)),
        "tokens": update(OAuthToken)
        .where(OAuthToken.session_id.in_(theirs), OAuthToken.revoked_at.is_(None))
        .values(revoked_at=now),
        "identities": update(LinkedIdentity)
        .where(LinkedIdentity.person_id == person_id, LinkedIdentity.ended_at.is_(None))
        .values(ended_at=now),
        "invitations": update(Invitation)
        .where(Invitation.invited_by == person_id)
        .where(Invitation.used_at.is_(None), Invitation.cancelled_at.is_(None))
        .values(cancelled_at=now, email="", mailbox=""),
    }
    gone = {name: _run(session, statement) for name, statement in statements.items()}
    return {name: number for name, number in gone.items() if number}


def _run(session: Session, statement: Any) -> int:
    done: Any = session.execute(statement.execution_options(synchronize_session=False))
    return int(done.rowcount)
