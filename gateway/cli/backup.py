"""`sumun backup` and `sumun restore`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from gateway.cli.common import Home, emit, home_option, json_option
from gateway.clock import SystemClock


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
@home_option
def backup(home: Home, folder: Path, as_json: bool) -> None:
    """Copy a home into FOLDER while it is running: database, objects, keys, list of witnesses.

    What has to be kept by hand is named.
    """
    from gateway.backup import by_hand, make

    with home.runtime() as runtime:
        made, rest = make(runtime, folder.resolve()), by_hand(runtime.settings)
    fields = {"folder": str(folder.resolve())} | asdict(made)
    emit(fields | ({"by_hand": rest} if as_json else {}), as_json)
    for one in rest if not as_json else ():
        click.echo(f"not in it: {one}")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True), required=False)
@click.option(
    "--published",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The objects folder of the lost home, with its published log.",
)
@json_option
@home_option
def restore(home: Home, folder: Path | None, published: Path | None, as_json: bool) -> None:
    """Restore FOLDER into an empty home; without FOLDER, mark a database that its own tools
    restored as a new epoch of the log.

    Entries that were published after the backup are written to HOME/restored-<time>/ and named
    in the log. What witnesses and monitors have to do next is named.
    """
    from gateway.backup import begin_epoch, next_steps
    from gateway.backup import restore as restore_home

    settings, clock = home.settings(), SystemClock()
    if folder is None:
        done = begin_epoch(settings, clock, published=published)
    else:
        done = restore_home(settings, folder.resolve(), clock, published)
    steps = next_steps(settings, done)
    fields = {"home": str(settings.home)} | asdict(done)
    emit(fields | ({"next": steps} if as_json else {}), as_json)
    for step in steps if not as_json else ():
        click.echo(f"next: {step}")
