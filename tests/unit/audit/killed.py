"""A process that appends and records until it is killed; prints what was acknowledged."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path

import psycopg

from audit.dbapi import Dialect
from audit.event import Party
from tests.unit.audit.world import World, event, sqlite_world


def opened(target: str) -> World:
    """The world of a SQLite file (a path) or of a PostgreSQL database (its connection string)."""
    if target.startswith("/"):
        return sqlite_world(Path(target), create=False)
    return World(Dialect.POSTGRES, lambda: psycopg.connect(target), contextlib.nullcontext)


def main(target: str) -> None:
    world = opened(target)
    log = world.log()

    def work(number: int) -> None:
        while True:
            one = event(actor=Party(f"p{number}"))
            if number == 0:
                world.record(log, one)
                log.kick()
            else:
                log.append(one)
            os.write(1, f"{one.event_id}\n".encode())

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1])
