"""When a checkpoint was signed, as far as those who signed it can be believed.

A log may date its own checkpoint as it likes, and a single witness too. So a time that has not come
yet shows nothing but that somebody's clock is wrong, or lies; and where a policy asks for a quorum,
a checkpoint is as young as the quorum says, whatever the log says.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from audit.errors import SignatureInvalid
from audit.note import Note, Verifier
from audit.policy_file import NONE, Policy

AHEAD_AT_MOST = 300


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the newest checkpoint may be at `now`; both in seconds."""

    now: int
    within: int

    def is_ahead(self, at: int) -> bool:
        """Whether this time has not come yet, by more than clocks may differ."""
        return at > self.now + AHEAD_AT_MOST

    def is_young(self, at: int) -> bool:
        """Whether this time is not too long ago."""
        return at >= self.now - self.within


@dataclass(frozen=True, slots=True)
class Dated:
    """The times on a checkpoint, in seconds since 1970: the log's, and the witnesses' by name."""

    log: int | None
    witnesses: Mapping[str, int]
    policy: Policy

    @classmethod
    def of(cls, note: Note, key: Verifier, policy: Policy | None) -> Dated:
        """Read what the log's key and the witnesses of a policy vouch for."""
        known, own = policy or Policy(), None
        with suppress(SignatureInvalid):
            own = key.check_time(note)
        return cls(own, known.cosigners(note), known)

    def newest(self) -> int | None:
        """The newest time since which the quorum vouches for it, or anybody if none is asked."""
        counted = self._counted()
        for at in sorted(counted.values(), reverse=True):
            if self.policy.met({name for name, other in counted.items() if other >= at}):
                return at
        return None

    def ahead(self, fresh: Freshness) -> tuple[str, int] | None:
        """Who gave a time that has not come yet, and that time; the latest of them."""
        times = dict(self.witnesses) | ({} if self.log is None else {"the log": self.log})
        name, at = max(times.items(), key=lambda one: one[1], default=("", 0))
        return (name, at) if fresh.is_ahead(at) else None

    def _counted(self) -> dict[str, int]:
        if self.policy.quorum != NONE or self.log is None:
            return dict(self.witnesses)
        return {**self.witnesses, "": self.log}


def moment(seconds: int) -> str:
    """Seconds since 1970 for people, also such as no calendar has."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):
        return f"second {seconds} since 1970"
