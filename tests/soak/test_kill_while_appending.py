"""Many kills at random moments of a process that appends: nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audit.dbapi import Dialect
from audit.note import Signer
from audit.verify import verify
from gateway.config import load
from gateway.keys import Purpose
from gateway.runtime import Runtime
from gateway.startup import log_origin, open_runtime, prepare

KILLS = 100
THREADS = 8
APPENDING = f"""
import sys, threading
from gateway.config import load
from gateway.journal import Act, Actor, Entry
from gateway.startup import open_runtime

runtime = open_runtime(load({{}}, home=sys.argv[1]))

def work():
    while True:
        index = runtime.journal.append(Entry(Actor.system(), Act.KEY_ROTATED))
        sys.stdout.write(f"{{index}}\\n")
        sys.stdout.flush()

for _ in range({THREADS}):
    threading.Thread(target=work).start()
"""


def append_until_killed(home: Path, seconds: float) -> list[int]:
    """Indexes that the process had acknowledged when it was killed."""
    command = [sys.executable, "-c", APPENDING, str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read()
    # The last line may have been cut in the middle of a number.
    return [int(line) for line in (first + rest).splitlines(keepends=True) if line.endswith("\n")]


def report(runtime: Runtime):
    signer = Signer(
        log_origin(runtime.settings, runtime.db), runtime.keys.current(Purpose.LOG).material
    )
    connection = runtime.db.connect_raw(writable=False)
    found = verify(connection, Dialect.SQLITE, str(signer.verifier), runtime.vault)
    connection.close()
    return found


@pytest.mark.soak
def test_no_kill_loses_an_acknowledged_event(tmp_path: Path):
    settings = load({}, home=tmp_path / "home")
    prepare(settings).dispose()
    moments = random.Random(20261123)
    acknowledged: set[int] = set()
    for _ in range(KILLS):
        acknowledged |= set(append_until_killed(settings.home, moments.uniform(0.0, 0.4)))
    runtime = open_runtime(settings)

    found = report(runtime)
    runtime.close()

    assert found.clean, found.findings
    assert found.size > max(acknowledged)
