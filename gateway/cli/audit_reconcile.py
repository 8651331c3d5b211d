"""`sumun audit reconcile` and `sumun audit outcomes`: how authorised transfers ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import FOUND, Home, emit, fail, home_option, json_option

if TYPE_CHECKING:
    from gateway.delivery.reconcile import Intent
    from gateway.runtime import Runtime

GRACE_MINUTES = 360


@click.command()
@click.option(
    "--grace",
    type=click.IntRange(0, 60 * 24 * 365),
    default=GRACE_MINUTES,
    show_default=True,
    help="Minutes for which a transfer may still be under way.",
)
@json_option
@home_option
@click.pass_context
def reconcile(context: click.Context, home: Home, grace: int, as_json: bool) -> None:
    """List transfers that nobody said how they ended; record the old ones as unresolved.

    Exit status 1: transfers were recorded as unresolved.
    """
    from gateway.delivery.reconcile import position, settle
    from gateway.journal import Act, Actor, Entry

    with _log_of(home) as runtime:
        actor = Actor.operator()
        detail = {"action": Act.DOWNLOAD_AUTHORIZED.value}
        runtime.journal.append(Entry(actor, Act.LOG_SEARCHED, detail=detail))
        found = settle(runtime, actor, position(runtime).began, timedelta(minutes=grace))
        zone = runtime.settings.zone
    rows = [_row(intent, "unresolved", zone) for intent in found.unresolved]
    emit(rows + [_row(intent, "waiting", zone) for intent in found.waiting], as_json)
    if found.unresolved:
        context.exit(FOUND)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@home_option
@click.pass_context
def outcomes(context: click.Context, home: Home, file: Path, as_json: bool) -> None:
    """Take outcomes that a front server reports in FILE, one JSON object a line.

    Taking a file twice changes nothing. Exit status 1: a report does not fit what was authorised.
    """
    from gateway.delivery.outcomes import read, take
    from gateway.journal import Actor

    try:
        with file.open("rb") as opened:
            reports = read(opened)
    except OSError as error:
        raise fail(f"{file} cannot be read: {error.strerror}") from error
    with _log_of(home) as runtime:
        taken = [take(runtime, Actor.operator(), one) for one in reports]
    rows = [
        {"line": number, "intent": one.reported.intent, "verdict": str(one.verdict)}
        for number, one in enumerate(taken, start=1)
    ]
    emit(rows, as_json)
    if not all(one.in_order for one in taken):
        context.exit(FOUND)


@contextmanager
def _log_of(home: Home) -> Iterator[Runtime]:
    """The runtime; a log that cannot be read or written is one line and exit status 2."""
    from audit.errors import LeafMalformed, LogUnavailable

    try:
        with home.runtime() as runtime:
            yield runtime
    except LogUnavailable as error:
        raise fail(f"the audit log cannot be written: {error}") from error
    except LeafMalformed as error:
        raise fail(f"an entry of the log is damaged ({error}); run: sumun audit verify") from error


def _row(intent: Intent, state: str, zone: Any) -> dict[str, Any]:
    return {
        "index": intent.index,
        "time": intent.at.astimezone(zone).isoformat(sep=" ", timespec="seconds"),
        "state": state,
        "dataset": intent.dataset,
        "version": intent.version,
        "ref": intent.ref,
        "first": intent.first,
        "length": intent.length,
        "intent": str(intent.event_id),
    }
