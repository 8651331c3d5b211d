"""Registers with the worker what keeps the published log fresh."""

from __future__ import annotations

from gateway.evidence.publication import INTERVAL_SECONDS, Publisher
from gateway.jobs.beats import Beat
from gateway.runtime import Runtime


def beats(runtime: Runtime) -> list[Beat]:
    """Publish the log about every second while it grows."""
    return [Beat("log-publication", INTERVAL_SECONDS, Publisher(runtime).tick)]
