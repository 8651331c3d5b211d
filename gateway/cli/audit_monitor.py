"""`sumun audit monitor`: watch a log from outside. Needs no home, only a folder of its own."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import FOUND, emit, fail, json_option

if TYPE_CHECKING:
    from audit.monitor import Known, Seen
    from audit.monitor_state import MonitorState
    from audit.policy_file import Policy

_EVERY = re.compile(r"(?P<count>[1-9][0-9]{0,5})(?P<unit>[smh])")
_UNITS = {"s": 1, "m": 60, "h": 3600}


def _seconds(_context: Any, _option: Any, text: str | None) -> int | None:
    if text is None:
        return None
    match = _EVERY.fullmatch(text)
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
@click.option("--once", is_flag=True, help="Look once. This is the default.")
@click.option("--accept", is_flag=True, help="Accept a restored backup that was told of.")
@json_option
@click.pass_context
def monitor(context: click.Context, /, url: str, state: Path, **options: Any) -> None:
    """Look whether the log at URL (such as https://host/log) only grew, and shows all the same.

    Exit status 1: rollback, fork, split view, a restored backup, a wrong signature or an unmet
    quorum; what was signed is kept in the state folder as evidence.
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
        seen = _look(url, state.read(), options)
        return _tell(state, seen, options)
    except SourceUnreachable as error:
        if options["every"] is None:
            raise fail(str(error)) from error
        click.echo(f"sumun: {error}", err=True)
        return False
    except (AuditError, OSError) as error:
        raise fail(str(error)) from error


def _look(url: str, known: Known | None, options: dict[str, Any]) -> Seen:
    from audit.monitor import Known, look
    from audit.note import Verifier
    from gateway.witnessing.sources import fetch_peer, open_source

    source = open_source(url)
    if known is None:
        vkey = options["key"]
        if vkey is None:
            vkey = source.key()
            click.echo(f"sumun: the key is the log's own word: {vkey}", err=True)
        known = Known(Verifier.parse(vkey))
    peers = [fetch_peer(one) for one in options["peers"]]
    return look(source, known, peers, _policy(options["policy"]))


def _policy(path: Path | None) -> Policy | None:
    from audit.policy_file import parse_policy

    return None if path is None else parse_policy(path.read_bytes())


def _tell(state: MonitorState, seen: Seen, options: dict[str, Any]) -> bool:
    from audit.monitor import Verdict

    accepted = options["accept"] and seen.verdict is Verdict.RESTORED
    kept = state.keep(seen.evidence)
    if seen.fine or accepted:
        state.write(seen.known)
    fields = {"verdict": str(seen.verdict), "what": seen.words, "accepted": seen.fine or accepted}
    emit(fields | {"evidence": str(kept) if kept else None}, options["as_json"])
    return not (seen.fine or accepted)
