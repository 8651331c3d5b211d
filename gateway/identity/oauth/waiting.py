"""What programs leave here until a person comes: bounded in size, in number and in pace.

Whoever knows the name of an app may push a request or ask for a device's codes: an app keeps no
secret. So what is kept is small, there is room for so many, and strangers come at a pace.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from authlib.oauth2 import OAuth2Error
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.identity.oauth.clients import Client
from gateway.identity.oauth.models import AuthMethod, DeviceCode, PushedRequest
from gateway.security.pace import Pace

# What the authorization endpoint reads, and how long each may be; nothing else is kept.
LONGEST: Final[Mapping[str, int]] = {
    "client_id": 100,
    "response_type": 40,
    "redirect_uri": 2048,
    "scope": 1024,
    "state": 1024,
    "nonce": 1024,
    "code_challenge": 128,
    "code_challenge_method": 16,
    "dpop_jkt": 64,
    "prompt": 100,
    "max_age": 20,
}
# A request with its client's assertion and an institution's habits; RFC 9126 2.3 answers 413.
MOST_BODY = 16_384
MOST_WAITING = 10_000
A_MINUTE = 20
EXTENSION = "sumun.oauth.pace"
RETRY_SECONDS = 30


class TooManyError(OAuth2Error):  # type: ignore[misc]
    """Too many wait, or a stranger comes too often (RFC 9126 2.3: 429)."""

    error = "temporarily_unavailable"
    status_code = 429

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many requests wait. Try again in {seconds} seconds.")
        self.seconds = seconds

    def get_headers(self) -> list[tuple[str, str]]:
        """Those of any refusal, and when to come back."""
        return [*super().get_headers(), ("Retry-After", str(self.seconds))]


def pace() -> Pace:
    """The pace of those who prove nothing."""
    return Pace(A_MINUTE)


def kept(form: Mapping[str, str]) -> dict[str, str] | None:
    """The parameters of an authorization request; None when one is longer than any may be."""
    found = {name: form[name] for name in LONGEST if name in form}
    return found if all(len(each) <= LONGEST[name] for name, each in found.items()) else None


def check_pace(known: Pace, client: Client, address: str | None, now: datetime) -> None:
    """Let a client that proves nothing come at a pace. Raises TooManyError."""
    if client.auth_method is AuthMethod.NONE and (wait := known.taken(address or "", now)):
        raise TooManyError(wait)


def check_room(
    session: Session, kind: type[PushedRequest | DeviceCode], client: Client, now: datetime
) -> None:
    """Raise TooManyError when as many of the client's wait as may; the caller adds one more, in
    this transaction. Those that add at the same moment may be a few too many."""
    waiting = select(func.count()).select_from(kind)
    mine = waiting.where(kind.client_id == client.id, kind.used_at.is_(None))
    if (session.scalar(mine.where(kind.expires_at > now)) or 0) >= MOST_WAITING:
        raise TooManyError(RETRY_SECONDS)
