"""What delivery keeps per process: slots for downloads, the forgery limit, the URL keys."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.access.ask import Ask
from gateway.delivery.tokens import Claims, Kind
from gateway.errors import Problem, ProblemCode
from gateway.keys import Key, Purpose
from gateway.runtime import Runtime
from policies.vocabulary import Action

# Of 256 threads the rest stay free, so that pages and API answer while everybody downloads.
MAX_DOWNLOADS = 210
# One holder with many slow readers must not keep everybody else from downloading.
MAX_EACH = 24
BUSY_SECONDS = 5

Resolver = Callable[[Runtime, Claims], Ask]


def _ask_for_item(_runtime: Runtime, claims: Claims) -> Ask:
    return Ask(
        Action.DOWNLOAD,
        grant_id=claims.grant_id,
        version_id=claims.subject_id,
        epoch=claims.epoch,
    )


class UrlKeys:
    """The two live URL keys, newest first; read anew when the keys folder changes."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._known: tuple[int, tuple[Key, ...]] | None = None

    def live(self) -> tuple[Key, ...]:
        """The keys that verify; the first one signs."""
        changed = self._runtime.settings.keys.stat().st_mtime_ns
        known = self._known
        if known is None or known[0] != changed:
            known = self._known = (changed, self._runtime.keys.live(Purpose.URL))
        return known[1]


class Slots:
    """At most `limit` downloads at a time, and at most `each` of them for one holder."""

    def __init__(self, limit: int = MAX_DOWNLOADS, each: int = MAX_EACH) -> None:
        self._limit, self._each = limit, each
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()

    def take(self, holder: str) -> Callable[[], None]:
        """Take a slot; call what is returned, once or more often, to give it back.

        `holder` is who answers for the download. Raises Problem BUSY when none is free for them.
        """
        with self._lock:
            if self._held.total() >= self._limit or self._held[holder] >= self._each:
                raise Problem(ProblemCode.BUSY, retry_after=BUSY_SECONDS)
            self._held[holder] += 1
        once = threading.Lock()

        def release() -> None:
            if once.acquire(blocking=False):
                self._give_back(holder)

        return release

    def _give_back(self, holder: str) -> None:
        with self._lock:
            self._held[holder] -= 1
            if not self._held[holder]:
                del self._held[holder]


@dataclass(frozen=True, slots=True)
class Gate:
    """One process's delivery. Features above register how a token of their kind is asked for."""

    runtime: Runtime
    keys: UrlKeys
    slots: Slots = field(default_factory=Slots)
    resolvers: dict[Kind, Resolver] = field(default_factory=lambda: {Kind.ITEM: _ask_for_item})

    @classmethod
    def open(cls, runtime: Runtime) -> Gate:
        """The gate of a runtime."""
        return cls(runtime, UrlKeys(runtime))
