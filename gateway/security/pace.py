"""A pace that nobody without an account exceeds: per address, per network around it, and in all."""

from __future__ import annotations

from datetime import datetime

from gateway.security.throttle import FACTORS, Throttle, rungs


class Pace:
    """At most `limit` a minute from one visitor, some more from wider networks, and `limit` times
    the widest factor from everywhere; per gateway process."""

    def __init__(self, limit: int) -> None:
        self._throttles: dict[int, Throttle[str]] = {
            factor: Throttle(limit * factor) for factor in FACTORS
        }

    def taken(self, address: str, now: datetime) -> int:
        """Take one turn for the address and answer 0, or the seconds to wait without one."""
        steps = [(self._throttles[rung.factor], rung.network) for rung in rungs(address)]
        wait = max(throttle.retry_after(network, now) for throttle, network in steps)
        if wait == 0:
            for throttle, network in steps:
                throttle.count(network, now)
        return wait
