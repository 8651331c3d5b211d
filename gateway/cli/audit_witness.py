"""`sumun audit witness`: have the log cosigned by others, or cosign the logs of others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import FOUND, Home, emit, fail, home_option, json_option

if TYPE_CHECKING:
    from gateway.runtime import Runtime
    from gateway.security.outbound import Outbound
    from gateway.witnessing.service import Standing


@click.group()
def witness() -> None:
    """Witnesses: others who sign the log's checkpoints, and refuse two histories."""


@witness.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Key name, such as witness.example.org/one.")
@json_option
def keygen(file: Path, name: str, as_json: bool) -> None:
    """Make the key of a witness; print the verifier key for those who are to trust it."""
    from gateway.witnessing import key_file

    made = key_file.make(file, name)
    emit({"verifier_key": str(made.key), "file": str(file)}, as_json)


@witness.command()
@click.option("--key", "key", type=click.Path(path_type=Path), required=True, help="Secret key.")
@click.option("--state", type=click.Path(path_type=Path), required=True, help="What is remembered.")
@click.option("--log", "logs", multiple=True, required=True, help="Verifier key of a log.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8401, show_default=True)
def serve(key: Path, state: Path, logs: tuple[str, ...], host: str, port: int) -> None:
    """Be a witness (C2SP tlog-witness): cosign what extends what was cosigned before."""
    from audit.errors import NoteMalformed
    from audit.note import Verifier
    from gateway.witnessing import key_file
    from gateway.witnessing.server import WitnessServer, application

    try:
        trusted = [Verifier.parse(one) for one in logs]
        app = application(key_file.read(key), trusted, state)
    except NoteMalformed as error:
        raise fail(f"--log: {error}") from error
    except OSError as error:
        raise fail(f"{state}: {error.strerror}") from error
    click.echo(f"witness on http://{host}:{port} for {', '.join(one.name for one in trusted)}")
    WitnessServer(app, f"{host}:{port}").run()


@witness.command()
@click.argument("origin")
@click.option("--state", type=click.Path(path_type=Path), required=True, help="As for serve.")
@json_option
@click.pass_context
def forget(context: click.Context, origin: str, state: Path, as_json: bool) -> None:
    """Begin afresh with a log whose backup was restored; the old checkpoint is kept aside.

    Do this only after the log's operator has explained the restore (see /log/history).
    """
    from audit.errors import StateDamaged
    from audit.witness_state import WitnessState

    try:
        old = WitnessState(state).forget(origin)
    except (StateDamaged, OSError) as error:
        raise fail(f"{state}: {error}") from error
    emit({"origin": origin, "forgotten": old}, as_json)
    if old is None:
        context.exit(FOUND)


@witness.command()
@click.argument("name")
@click.argument("vkey")
@click.argument("url")
@click.option("--quorum", type=click.IntRange(1, 64), help="How many must cosign.")
@json_option
@home_option
def add(home: Home, *, name: str, vkey: str, url: str, quorum: int | None, as_json: bool) -> None:
    """Add a witness to the policy; NAME counts in the policy only."""
    from audit.note import Verifier
    from gateway.journal import Act, Actor, Entry
    from gateway.security.outbound import Outbound
    from gateway.witnessing import editing, policy_file

    with home.runtime() as runtime:
        path = policy_file.path_of(runtime.settings)
        old = policy_file.load(runtime.settings)
        _check_reach(Outbound(runtime.settings.outbound_networks), url)
        log = Verifier.parse(runtime.journal.log.vkey())
        new = editing.added(old, log, name, vkey, url, threshold=quorum)
        detail = {"vkey": vkey, "name": name, "quorum": new.groups[0].threshold}
        act = Entry(Actor.operator(), Act.WITNESS_ADDED, ref=f"witness:{name}", detail=detail)
        runtime.journal.append(act)
        editing.write(path, new)
    group = new.groups[0]
    emit({"file": str(path), "quorum": f"{group.threshold} of {len(group.members)}"}, as_json)


def _check_reach(outbound: Outbound, url: str) -> None:
    """A witness that could never be called would leave the quorum unmet for ever."""
    from gateway.security.outbound import Unreachable

    try:
        outbound.check(url)
    except Unreachable as error:
        raise fail(f"this witness cannot be added: {error}") from error


@witness.command()
@json_option
@home_option
@click.pass_context
def ask(context: click.Context, home: Home, as_json: bool) -> None:
    """Ask every witness now, as the worker does at intervals."""
    from gateway.witnessing.models import Ending
    from gateway.witnessing.service import ask_all

    with home.runtime() as runtime:
        answers = ask_all(runtime)
    rows = [
        {"witness": one.witness.name, "ending": str(one.ending), "detail": one.detail}
        for one in answers
    ]
    emit(rows, as_json)
    if any(one.ending is not Ending.COSIGNED for one in answers):
        context.exit(FOUND)


@witness.command()
@json_option
@home_option
@click.pass_context
def status(context: click.Context, home: Home, as_json: bool) -> None:
    """Show what each witness cosigned. Exit status 1 while the quorum is unmet."""
    from gateway.witnessing.quorum import quorum
    from gateway.witnessing.service import standings

    with home.runtime() as runtime:
        rows = [_row(runtime, one) for one in standings(runtime)]
        found = quorum(runtime.db, runtime.settings, runtime.clock.now())
    if as_json:
        emit({"quorum": found.words, "met": found.met, "witnesses": rows}, True)
    else:
        emit(rows, False)
        click.echo(found.words)
    if not found.met:
        context.exit(FOUND)


def _row(runtime: Runtime, one: Standing) -> dict[str, Any]:
    asked = one.asked_at and one.asked_at.astimezone(runtime.settings.zone)
    return {
        "witness": one.witness.name,
        "cosigned": one.cosigned.size if one.cosigned else 0,
        "answer": str(one.ending) if one.ending else None,
        "asked": asked and asked.isoformat(sep=" ", timespec="seconds"),
        "detail": one.detail,
        "url": one.witness.url,
    }
