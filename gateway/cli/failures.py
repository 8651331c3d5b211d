"""Whatever goes wrong in a command becomes one line on stderr and exit status 2."""

from __future__ import annotations

import os
import traceback

import click

from gateway.cli.output import fail

LEVEL, DEBUG = "SUMUN_LOG_LEVEL", "DEBUG"
OWN = frozenset({"gateway", "policies", "audit", "migrations"})
SERVER_EXTRA = "server"
EXTRA_OF = {"scan": "scan"}
LOADING = "cannot be loaded"
UNEXPECTED = "ended on an error that nobody expected"
# What click ends a command with, and what it turns into an end itself.
ENDS = (click.ClickException, click.exceptions.Exit, click.Abort, EOFError, BrokenPipeError)


def failed(name: str, error: Exception, unexpected: str = UNEXPECTED) -> click.exceptions.Exit:
    """Say in one line why `sumun NAME` could not be done; `raise failed(…)`.

    Details, which may hold data, are printed only when SUMUN_LOG_LEVEL is DEBUG.
    """
    if os.environ.get(LEVEL, "").upper() == DEBUG:
        click.echo("".join(traceback.format_exception(error)), err=True)
    return fail(_reason(name, error, unexpected))


def _reason(name: str, error: Exception, unexpected: str) -> str:
    missing = _missing(error)
    if missing:
        extra = EXTRA_OF.get(name, SERVER_EXTRA)
        return f"`sumun {name}` needs {missing}; install it with: pip install 'sumun[{extra}]'"
    if isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename else ""
        return f"`sumun {name}` could not go on: {error.strerror}{place}"
    return (
        f"`sumun {name}` {unexpected} ({type(error).__name__}); {LEVEL}={DEBUG} shows the details"
    )


def _missing(error: Exception) -> str:
    """The package that is not installed, or "" when something else is wrong."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ""
    package = error.name.partition(".")[0]
    return "" if package in OWN else package
