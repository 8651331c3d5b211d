"""A worker that stops in the middle of a package, to be killed: `killed.py HOME DATABASE`."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from gateway.clock import FixedClock
from gateway.config import load
from gateway.exports.jobs_scan import assemble
from gateway.exports.service import PACKAGE_JOB
from gateway.jobs.worker import Worker
from gateway.scanning.model import FileReport
from gateway.startup import open_runtime
from tests.conftest import START


class Stuck:
    """A scanner that never answers: the package is assembled, and not yet an object."""

    confined = True

    def scan(self, source: Path, name: str) -> FileReport:
        print(source.stat().st_size, flush=True)
        time.sleep(600)
        return FileReport(name, 0, (), None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Never reached."""


if __name__ == "__main__":
    home, database = sys.argv[1:]
    runtime = open_runtime(load({}, home=Path(home), database_url=database), FixedClock(START))
    handlers = {PACKAGE_JOB: partial(assemble, runtime, open_scanner=Stuck)}
    Worker(runtime.db, runtime.clock, handlers).run_once()
