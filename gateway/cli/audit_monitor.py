"""`sumun audit monitor`: watch a log from outside. Needs no home, only a folder of its own."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import FOUND, emit, fail, json_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit.errors import SourceUnreachable
    from audit.monitor import Known, Seen
    from audit.monitor_state import MonitorState
    from audit.policy_file import Policy

_SPAN = re.compile(r"(?P<count>[1-9][0-9]{0,5})(?P<unit>[smh])")
_UNITS = {"s": 1, "m": 60, "h": 3600}


def _seconds(_context: Any, _option: Any, text: str | None) -> int | None:
    if text is None:
        return None
    match = _SPAN.fullmatch(text)
    if match is None:
        raise click.BadParameter("write it as 60s, 5m or 1h")
    return int(match["count"]) * _UNITS[match["unit"]]


@click.command()
@click.argument("url")
@click.option("--state", type=click.Path(path_type=Path), required=True, help="A folder to keep.")
@click.option("--key", help="The log's verifier key; without it the log's own word, once.")
@click.option("--peer", "peers", multiple=True, help="A checkpoint others were shown: URL or file.")
@click.option("--policy", type=click.Path(path_type=Path), help="Witnesses (C2SP tlog-policy).")
@click.option(
    "--every", callback=_seconds, help="Go on looking, such as every 60s, until it finds."
)
@click.option(
    "--fresh",
    callback=_seconds,
    help="Find a checkpoint older than this (24h), or dated ahead.",
)
@click.option("--once", is_flag=True, help="Look once. This is the default.")
@click.option("--accept", is_flag=True, help="Accept a restored backup that was told of.")
@json_option
@click.pass_context
def monitor(context: click.Context, /, url: str, state: Path, **options: Any) -> None:
    """Look whether the log at URL (such as https://host/log) only grew, and shows all the same.

    Exit status 1: rollback, fork, split view, a restored backup, a wrong signature, an unmet
    quorum, a checkpoint that is stale or dated ahead; what was signed is kept in the state folder
    as evidence. 2: the log could not be asked, or a peer could not be compared with.
    """
    if options["once"] and options["every"] is not None:
        raise fail("give --once or --every, not both")
    while True:
        found = _look_once(url, state, options)
        if found:
            context.exit(FOUND)
        if options["every"] is None:
            return
        time.sleep(options["every"])


def _look_once(url: str, folder: Path, options: dict[str, Any]) -> bool:
    """Whether something was found. In a loop a log that cannot be asked is asked again."""
    from audit.errors import AuditError, SourceUnreachable
    from audit.monitor_state import MonitorState

    try:
        state = MonitorState(folder)
        known = state.read()
        peers, missing = _peers(options["peers"])
        seen = _look(url, known, peers, options)
        found = _tell(state, seen, options)
    except SourceUnreachable as error:
        _unasked(error, options)
        return False
    except (AuditError, OSError) as error:
        raise fail(str(error)) from error
    if missing is not None and not found:
        _uncompared(missing, known is None, options)
    return found


def _unasked(error: SourceUnreachable, options: dict[str, Any]) -> None:
    if options["every"] is None:
        raise fail(str(error)) from error
    click.echo(f"sumun: {error}", err=True)


def _uncompared(missing: SourceUnreachable, first: bool, options: dict[str, Any]) -> None:
    """Two monitors that name each other begin one after the other; later both must be there."""
    if not first:
        _unasked(missing, options)
        return
    click.echo(f"sumun: there is nothing to compare with yet: {missing}", err=True)


def _peers(places: Sequence[str]) -> tuple[list[str], SourceUnreachable | None]:
    """What the peers were shown, and why one of them could not tell, if so."""
    from audit.errors import SourceUnreachable
    from gateway.witnessing.sources import fetch_peer

    found, missing = [], None
    for place in places:
        try:
            found.append(fetch_peer(place))
        except SourceUnreachable as error:
            missing = error
    return found, missing


def _look(url: str, known: Known | None, peers: Sequence[str], options: dict[str, Any]) -> Seen:
    from audit.monitor import Known, look
    from audit.monitor_time import Freshness
    from audit.note import Verifier
    from gateway.witnessing.sources import open_source

    source = open_source(url)
    if known is None:
        vkey = options["key"]
        if vkey is None:
            vkey = source.key()
            click.echo(f"sumun: the key is the log's own word: {vkey}", err=True)
        known = Known(Verifier.parse(vkey))
    within = options["fresh"]
    fresh = None if within is None else Freshness(int(time.time()), within)
    return look(source, known, peers, _policy(options["policy"]), fresh)


def _policy(path: Path | None) -> Policy | None:
    from audit.policy_file import parse_policy

    return None if path is None else parse_policy(path.read_bytes())


def _tell(state: MonitorState, seen: Seen, options: dict[str, Any]) -> bool:
    from audit.monitor import Verdict

    accepted = options["accept"] and seen.verdict is Verdict.RESTORED
    kept = state.keep(seen.evidence)
    if seen.extends or accepted:
        state.write(seen.known)
    fields = {"verdict": str(seen.verdict), "what": seen.words, "accepted": seen.fine or accepted}
    emit(fields | {"evidence": str(kept) if kept else None}, options["as_json"])
    return not (seen.fine or accepted)
