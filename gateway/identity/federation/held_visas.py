"""Visas that a provider handed over while the second factor is still due.

They become evidence once the sign-in is complete, and are forgotten where it never is: whoever has
only the outside account writes nothing into anybody's evidence.
"""

from __future__ import annotations

import hmac

from sqlalchemy import delete

from gateway.identity.federation.exchange import Proven
from gateway.identity.federation.service_entry import WAITS
from gateway.identity.models_federation import WaitingIdentity
from gateway.keys import Purpose
from gateway.runtime import Runtime

LABEL = b"sumun-held-visas-v1|"
Came = tuple[str, str, tuple[str, ...]]


def hold(runtime: Runtime, pending: str, proven: Proven) -> None:
    """Keep what came with an identity under the token of the sign-in half done."""
    if not proven.visas:
        return
    now = runtime.clock.now()
    with runtime.db.write() as session:
        session.execute(delete(WaitingIdentity).where(WaitingIdentity.expires_at <= now))
        session.add(
            WaitingIdentity(
                token_sha256=_key(runtime, pending),
                proven={
                    "issuer": proven.issuer,
                    "subject": proven.subject,
                    "visas": list(proven.visas),
                },
                expires_at=now + WAITS,
            )
        )


def released(runtime: Runtime, pending: str) -> Came | None:
    """What was kept, taken away: issuer, subject, tokens; None where nothing was."""
    live = WaitingIdentity.expires_at > runtime.clock.now()
    mine = WaitingIdentity.token_sha256 == _key(runtime, pending)
    with runtime.db.write() as session:
        taken = delete(WaitingIdentity).where(mine, live).returning(WaitingIdentity.proven)
        found = session.scalar(taken)
    if found is None:
        return None
    return found["issuer"], found["subject"], tuple(found["visas"])


def _key(runtime: Runtime, pending: str) -> str:
    # Keyed, so that no token in a cookie finds it where identities wait that are nobody's yet.
    key = runtime.keys.current(Purpose.LOOKUP).material
    return hmac.digest(key, LABEL + pending.encode(), "sha256").hex()
