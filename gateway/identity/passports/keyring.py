"""The public keys of trusted visa issuers: fetched from their configured addresses, kept a while.

The same fetcher as for identity providers: no redirects, no private addresses, bounded in size and
time. An issuer that does not answer is left alone for a moment, since whoever waits holds a thread.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from joserfc.jwk import Key

from gateway.clock import Clock
from gateway.identity.federation import directory
from gateway.identity.federation.refusals import Refused
from gateway.identity.passports.refusals import BadVisa, Reason
from gateway.visa_settings import VisaIssuer


@dataclass(frozen=True, slots=True)
class _Kept:
    rows: tuple[Mapping[str, Any], ...]
    fetched_at: datetime
    imported: dict[tuple[str | None, str], Key] = field(default_factory=dict)


class KeyRing:
    """The keys of every configured `jku`, for one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self._failed: dict[str, datetime] = {}

    def key(self, issuer: VisaIssuer, jku: str, kid: str | None, algorithm: str) -> Key:
        """The issuer's key of that id, from `jku`. Raises BadVisa.

        An address that the issuer's settings do not name is never called. Without an id there must
        be exactly one key that fits.
        """
        if jku not in issuer.jku:
            raise BadVisa(Reason.JKU)
        for kept in self._tries(issuer, jku):
            found = _found(kept, kid, algorithm)
            if found is not None:
                return found
        raise BadVisa(Reason.KEY)

    def _tries(self, issuer: VisaIssuer, jku: str) -> Iterator[_Kept]:
        now = self._clock.now()
        with self._lock:
            known, failed = self._kept.get(jku), self._failed.get(jku)
        if known and abs(now - known.fetched_at) < directory.KEYS_LAST:
            yield known
            if abs(now - known.fetched_at) < directory.KEYS_REST:
                return
        if failed and abs(now - failed) < directory.FAILURE_RESTS:
            raise BadVisa(Reason.KEYS, "the issuer failed a moment ago")
        yield self._fetched(issuer, jku, now)

    def _fetched(self, issuer: VisaIssuer, jku: str, now: datetime) -> _Kept:
        try:
            fresh = _Kept(directory.fetch_keys(issuer, jku), now)
        except Refused as error:
            with self._lock:
                self._failed[jku] = now
            raise BadVisa(Reason.KEYS, str(error)) from error
        with self._lock:
            self._kept[jku] = fresh
        return fresh


def _found(kept: _Kept, kid: str | None, algorithm: str) -> Key | None:
    known = kept.imported.get((kid, algorithm))
    if known is not None:
        return known
    fitting = [row for row in kept.rows if directory.fits(row, kid, algorithm)]
    if len(fitting) != 1:
        return None
    try:
        return kept.imported.setdefault((kid, algorithm), directory.imported(fitting[0]))
    except Refused as error:
        raise BadVisa(Reason.KEYS, str(error)) from error
