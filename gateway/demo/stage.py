"""Where the demonstration speaks: numbered steps, each ticked only once it has been checked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import click


class StepFailed(Exception):
    """A check of the demonstration did not hold; the command ends with exit status 2."""


class Stage:
    """Prints steps and refuses to go on when a check fails."""

    def __init__(self) -> None:
        self._number = 0
        self._started = time.monotonic()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """One step: its title, what it says, and a tick at the end."""
        self._number += 1
        click.secho(f"\n{self._number:>2}. {title}", bold=True)
        yield
        click.secho(f"    ✓ {title}", fg="green")

    def say(self, line: str) -> None:
        """A line of what happened."""
        click.echo(f"    {line}")

    def check(self, holds: bool, what: str) -> None:
        """Raises StepFailed, naming `what`, unless it holds."""
        if not holds:
            raise StepFailed(what)
        click.echo(f"    · {what}")

    def finish(self) -> None:
        """Say how many steps there were and how long they took."""
        seconds = time.monotonic() - self._started
        click.secho(f"\nAll {self._number} steps hold ({seconds:.1f} s).", bold=True)
