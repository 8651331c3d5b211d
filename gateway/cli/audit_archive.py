"""`sumun audit archive`: old entries into Parquet, and out of the database if asked."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from gateway.cli.audit_fsck import opened
from gateway.cli.common import Home, emit, fail, home_option, json_option


@click.command()
@click.option("--before", required=True, help="Day or moment (ISO 8601), left out.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="The new folder to write."
)
@click.option("--prune", is_flag=True, help="Then delete what was archived from the database.")
@json_option
@home_option
def archive(home: Home, before: str, out: Path, prune: bool, as_json: bool) -> None:
    """Write entries before a day as Parquet with a signed manifest.

    With nothing that old, nothing is written, and that is said (exit status 0).
    Whole blocks of 256 entries are archived. With --prune they are deleted afterwards, which is
    refused, exit status 2, while the law asks to keep them. Hash tiles always stay.
    """
    from gateway.evidence import prune as pruning
    from gateway.evidence.archive import NothingToArchive
    from gateway.evidence.archive import archive as make
    from gateway.journal import Actor
    from gateway.oversight.queries import moment

    with opened(home) as runtime:
        before_ms = moment("before", before, runtime.settings.zone) or 0
        pruned = 0
        if prune:
            pruning.check_age(runtime, before_ms)
            pruned = pruning.sweep(runtime)
        try:
            made = make(runtime, Actor.operator(), before_ms, out.resolve())
            if prune:
                pruned += pruning.prune(runtime, Actor.operator(), made)
        except NothingToArchive as nothing:
            _say_nothing(str(nothing), pruned, as_json)
            return
        except OSError as error:
            raise fail(f"{out} cannot be written: {error.strerror or error}") from error
    emit(asdict(made) | {"pruned": pruned}, as_json)


def _say_nothing(why: str, pruned: int, as_json: bool) -> None:
    if as_json:
        emit({"rows": 0, "pruned": pruned}, True)
    else:
        more = f"; {pruned} entries archived before were pruned" if pruned else ""
        click.echo(f"nothing to archive: {why}{more}")
