"""Runs leased jobs one after the other until asked to stop.

At least once: the lease is prolonged by a thread while a handler works, so a job is taken over
only from a worker that has died or hangs without its threads. A handler that wants its result
and the job's end in one transaction calls `queue.complete` itself.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import structlog
from prometheus_client import Counter

from gateway.clock import Clock
from gateway.db import Database, WriteBusy
from gateway.jobs import queue
from gateway.jobs.models import JobState
from gateway.jobs.queue import LEASE, Leased, LeaseLost
from gateway.observability.metrics import REGISTRY

Handler = Callable[[Leased], None]

POLL_SECONDS = 0.5
RENEW_SECONDS = LEASE.total_seconds() / 5
JOBS = Counter("sumun_jobs", "Jobs by kind and how they ended", ("kind", "end"), registry=REGISTRY)
log = structlog.get_logger(__name__)


class HandlerMissing(Exception):
    """No feature of this installation offers a handler for the job's kind."""


class Worker:
    """Takes due jobs and runs the handler of their kind."""

    def __init__(self, db: Database, clock: Clock, handlers: Mapping[str, Handler]) -> None:
        self._db = db
        self._clock = clock
        self._handlers = dict(handlers)
        self._stop = threading.Event()

    def stop(self) -> None:
        """Ask the loop to end once the present job is done."""
        self._stop.set()

    def run(self) -> None:
        """Work until `stop`; a busy database is tried again."""
        while not self._stop.is_set():
            if not self._worked():
                self._stop.wait(POLL_SECONDS)

    def drain(self) -> int:
        """Run everything that is due now; returns how many jobs were run."""
        count = 0
        while not self._stop.is_set() and self.run_once():
            count += 1
        return count

    def run_once(self) -> bool:
        """Run one due job; False when nothing is due."""
        leased = queue.lease(self._db, self._clock)
        if leased is None:
            return False
        try:
            with self._renewed(leased):
                self._handler(leased)(leased)
            self._finish(leased)
        except LeaseLost:
            self._tell(leased, "lost")
        except Exception as error:
            self._failed(leased, error)
        return True

    def _worked(self) -> bool:
        try:
            return self.run_once()
        except WriteBusy:
            log.warning("jobs.database_busy")
            return False

    def _handler(self, leased: Leased) -> Handler:
        if leased.kind not in self._handlers:
            raise HandlerMissing(leased.kind)
        return self._handlers[leased.kind]

    def _finish(self, leased: Leased) -> None:
        if queue.state_of(self._db, leased) is JobState.LEASED:
            with self._db.write() as session:
                queue.complete(session, self._clock, leased)
        self._tell(leased, "done")

    def _failed(self, leased: Leased, error: Exception) -> None:
        # The text of an error may quote what was being read, so only its kind is kept.
        log.error("job.failed", kind=leased.kind, job=str(leased.id), exc_info=error)
        state = queue.fail(self._db, self._clock, leased, type(error).__name__)
        self._tell(leased, "failed" if state is JobState.FAILED else "retried")

    def _tell(self, leased: Leased, end: str) -> None:
        JOBS.labels(leased.kind, end).inc()
        log.info("job.ended", kind=leased.kind, job=str(leased.id), end=end)

    @contextmanager
    def _renewed(self, leased: Leased) -> Iterator[None]:
        """Prolong the lease from a thread of its own while the handler works."""
        done = threading.Event()
        renewer = threading.Thread(target=self._renew, args=(leased, done), daemon=True)
        renewer.start()
        try:
            yield
        finally:
            done.set()
            renewer.join()

    def _renew(self, leased: Leased, done: threading.Event) -> None:
        while not done.wait(RENEW_SECONDS):
            try:
                if not queue.extend(self._db, self._clock, leased):
                    return
            except Exception as error:
                # The next beat tries again; the lease outlasts four missed ones.
                log.warning("job.renewal_failed", job=str(leased.id), exc_info=error)


def run_until_signalled(worker: Worker) -> None:
    """Run `worker` in this process until SIGTERM or SIGINT; the present job ends first."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: worker.stop())
    worker.run()
