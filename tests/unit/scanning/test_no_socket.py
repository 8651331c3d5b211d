"""A scanner opens no socket, not even while its engines are imported."""

from __future__ import annotations

import subprocess
import sys

from gateway.scanning import sandbox

WATCHED = """
import sys
opened = []
sys.addaudithook(lambda event, args: event == "socket.__new__" and opened.append(args[1:3]))
from gateway.scanning.engines import warm
warm.up()
assert opened == [], opened
"""


def test_warming_up_the_engines_opens_no_socket():
    done = subprocess.run(
        [sys.executable, "-c", WATCHED],
        env=sandbox.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
