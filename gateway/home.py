"""Setting up a home whole: tables and keys, then what the program itself brings along."""

from __future__ import annotations

from gateway.agreements.service import sync_files
from gateway.clock import SystemClock
from gateway.config import Settings
from gateway.policy.service_releases import sync_program
from gateway.runtime import Runtime
from gateway.startup import assemble, prepare


def set_up(settings: Settings) -> Runtime:
    """Create or upgrade a home, register its agreements and rules, and return its opened runtime.

    Raises OperatorError, naming the file, when an agreement's text differs from what was signed.
    """
    runtime = assemble(settings, prepare(settings), SystemClock())
    sync_files(runtime)
    sync_program(runtime)
    return runtime
