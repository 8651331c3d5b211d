"""The token of a request: renewed shortly before it ends, by one process at a time.

A refresh token works once, and its second use ends the whole sign-in; so whoever renews holds a
lock, and reads first whether somebody else has just done it.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx2

from gateway.client import session as sessions
from gateway.client.device import Provider, Tokens
from gateway.client.proof import Prover
from gateway.client.session import Session

EARLY = timedelta(seconds=60)


class Renewing(Prover):
    """Signs requests with the session's key and a token that still lives."""

    def __init__(self, session: Session, provider: Callable[[str, str], Provider] = Provider):
        super().__init__(session.key, session.token)
        self._session, self._provider, self._one = session, provider, threading.Lock()

    def auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        """As `Prover`, after renewing a token that is about to end."""
        with self._one:
            if _ends_soon(self._session):
                self._session = self._renewed()
                self.token = self._session.token
        yield from super().auth_flow(request)

    def _renewed(self) -> Session:
        with _locked():
            known = sessions.load()
            if not _ends_soon(known):
                return known
            provider = self._provider(known.server, known.key)
            try:
                renewed = opened(known, provider.refresh(known.refresh_token))
            finally:
                provider.close()
            sessions.store(renewed)
            return renewed


def opened(session: Session, tokens: Tokens) -> Session:
    """The session with fresh tokens."""
    until = datetime.fromtimestamp(time.time() + tokens.expires_in, UTC).isoformat()
    return replace(session, token=tokens.access, refresh_token=tokens.refresh, expires_at=until)


def _ends_soon(session: Session) -> bool:
    try:
        ends = datetime.fromisoformat(session.expires_at)
    except ValueError:
        return True
    return ends - datetime.now(UTC) < EARLY


@contextmanager
def _locked() -> Iterator[None]:
    path = sessions.file().with_suffix(".lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
