"""The worker process: the job handlers and the beats of every feature, on one runtime."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from gateway.access import wiring as access
from gateway.agreements import wiring as agreements
from gateway.catalog import wiring as catalog
from gateway.delivery import wiring as delivery
from gateway.emergency import wiring as emergency
from gateway.evidence import wiring as evidence
from gateway.exports import wiring as exports
from gateway.identity import wiring as identity
from gateway.jobs.beats import Beat, beating
from gateway.jobs.queue import Leased
from gateway.jobs.worker import Worker, run_until_signalled
from gateway.oversight import wiring as oversight
from gateway.parentage import follow_parent
from gateway.runtime import Runtime
from gateway.witnessing import wiring as witnessing
from gateway.zones import wiring as zones

FEATURES = (identity, catalog, agreements, access, zones, exports, emergency)
# Features whose wiring offers `beats(runtime)`: what is done at intervals.
BEATING: tuple[ModuleType, ...] = (
    identity,
    agreements,
    delivery,
    emergency,
    evidence,
    witnessing,
    oversight,
)


def handlers(runtime: Runtime) -> dict[str, Callable[[Leased], None]]:
    """Every job kind and what runs it."""
    return {
        kind: handler for feature in FEATURES for kind, handler in feature.handlers(runtime).items()
    }


def beats(runtime: Runtime) -> list[Beat]:
    """Everything that is done at intervals."""
    return [beat for feature in BEATING for beat in feature.beats(runtime)]


def work(runtime: Runtime) -> None:
    """Run jobs and beats until a signal, or until the process that started this one is gone."""
    worker = Worker(runtime.db, runtime.clock, handlers(runtime))
    follow_parent(worker.stop)
    with beating(beats(runtime)):
        run_until_signalled(worker)
