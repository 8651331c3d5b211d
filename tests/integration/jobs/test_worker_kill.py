from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from datetime import timedelta

from sqlalchemy import select

from gateway.clock import FixedClock, SystemClock
from gateway.jobs import queue
from gateway.jobs.models import Job, JobState
from gateway.jobs.worker import Worker
from gateway.runtime import Runtime

HANGING_WORKER = textwrap.dedent(
    """
    import sys, threading
    from gateway.clock import SystemClock
    from gateway.db import Database
    from gateway.jobs.worker import Worker, run_until_signalled

    def handler(leased):
        print("begun", flush=True)
        threading.Event().wait(float(sys.argv[2]))

    run_until_signalled(Worker(Database(sys.argv[1]), SystemClock(), {"test": handler}))
    """
)


def start(runtime: Runtime, seconds: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", HANGING_WORKER, runtime.settings.database, str(seconds)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(os.environ)
    )
    assert process.stdout is not None
    while process.stdout.readline() != b"begun\n":
        assert process.poll() is None, "the worker ended before it began"
    return process


def enqueue(runtime: Runtime) -> None:
    with runtime.db.write() as session:
        queue.enqueue(session, SystemClock(), "test", "k", {})


def job(runtime: Runtime) -> Job:
    with runtime.db.read() as session:
        return session.scalars(select(Job)).one()


def test_a_job_whose_worker_was_killed_is_run_again_by_another(runtime: Runtime) -> None:
    enqueue(runtime)
    victim = start(runtime, 600)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    ran: list[int] = []
    later = FixedClock(SystemClock().now() + queue.LEASE + timedelta(seconds=1))
    worker = Worker(runtime.db, later, {"test": lambda leased: ran.append(leased.attempts)})
    assert worker.drain() == 1
    assert (ran, job(runtime).state) == ([2], JobState.DONE)


def test_a_worker_asked_to_stop_ends_its_job_first(runtime: Runtime) -> None:
    enqueue(runtime)
    worker = start(runtime, 0.5)
    worker.send_signal(signal.SIGTERM)
    worker.communicate()
    assert worker.returncode == 0
    assert job(runtime).state == JobState.DONE
