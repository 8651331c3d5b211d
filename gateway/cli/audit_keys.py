"""`sumun audit keys`: the log's signing keys over time, and how one follows the other."""

from __future__ import annotations

import click

from gateway.cli.common import FOUND, Home, emit, home_option, json_option


@click.group(invoke_without_command=True)
@json_option
@home_option
@click.pass_context
def keys(context: click.Context, home: Home, as_json: bool) -> None:
    """List the keys that signed the log's checkpoints, oldest first.

    Exit status 1: a hand-over does not hold; it is named with its index.
    """
    if context.invoked_subcommand is not None:
        context.obj = home
        return
    from gateway.witnessing.rotation import keys_of

    with home.runtime() as runtime:
        found = keys_of(runtime)
    starts = [0, *(one.index + 1 for one in found.history.rotations)]
    ends = [*starts[1:], None]
    emit(
        [
            {"key": str(key), "from_size": start, "below_size": end}
            for key, start, end in zip(found.history.keys, starts, ends, strict=True)
        ],
        as_json,
    )
    for index, what in found.faults.items():
        click.echo(f"index {index}: {what}", err=True)
    if found.faults:
        context.exit(FOUND)


@keys.command()
@json_option
@home_option
def rotate(home: Home, as_json: bool) -> None:
    """Make a new key; the old one signs the hand-over, which becomes an entry of the log."""
    from gateway.journal import Actor
    from gateway.witnessing.rotation import rotate as hand_over

    with home.runtime() as runtime:
        made = hand_over(runtime, Actor.operator())
        vkey = runtime.journal.log.vkey()
    emit({"verifier_key": vkey, "from_size": made.size}, as_json)
