"""Four gateway processes on one PostgreSQL, against one: no gap in their order, at what price."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from bench import beds
from bench.harness import Comparison, compare
from gateway.config import Settings, load

THREADS, EVENTS = 64, 9600
APPEND = (
    "import sys; from bench.audit_processes import client; client(*sys.argv[1:3], *map(int, "
    "sys.argv[3:]))"
)


def run() -> list[Comparison]:
    """The comparison `audit.processes.pg`."""
    with beds.server() as server:
        return [
            compare(
                "audit.processes.pg",
                "1/s",
                partial(together, server, 4),
                partial(together, server, 1),
                baseline_name="one process",
                target=0.5,
                conditions=f"{THREADS} threads in all, {EVENTS} events, gap-free",
            )
        ]


def together(server: str, processes: int) -> float:
    """Events a second of some processes that share the threads and the events."""
    with beds.postgresql(server) as settings:
        with beds.gateway(settings) as runtime:
            runtime.journal.append(beds.entry())
        share = [str(THREADS // processes), str(EVENTS // THREADS)]
        argv = [sys.executable, "-c", APPEND, str(settings.home), settings.database_url, *share]
        clients = [
            subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for _ in range(processes)
        ]
        for one in clients:
            assert one.stdout is not None
            one.stdout.readline()
        started = time.perf_counter()
        for one in clients:
            one.communicate(b"go\n")
        took = time.perf_counter() - started
        _check(settings)
        return EVENTS / took


def client(home: str, url: str, threads: int, each: int) -> None:
    """What each process does: get ready, wait for the word, append."""
    settings = load({"SUMUN_DATABASE_URL": url}, home=Path(home))
    with beds.gateway(settings) as runtime:
        runtime.journal.append(beds.entry())
        print("ready", flush=True)
        sys.stdin.readline()
        append = partial(runtime.journal.append, beds.entry())
        beds.crowd(threads, each, lambda: append)


def _check(settings: Settings) -> None:
    url = make_url(settings.database).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False)) as connection:
        row = connection.execute("SELECT COUNT(*), MAX(idx) + 1 FROM audit_entries").fetchone()
    assert row is not None
    assert row[0] == row[1], f"gaps: {row}"
    assert row[0] > EVENTS
