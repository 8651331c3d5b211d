"""A process that appends and records until it is killed; prints what was acknowledged."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from audit.event import Party
from tests.unit.audit.world import event, sqlite_world


def main(path: str) -> None:
    world = sqlite_world(Path(path), create=False)
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
