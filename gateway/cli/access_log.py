"""`sumun access-log`: one's own accesses, each with a proof. Part of the researcher's client."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import click

from gateway.cli.connection import signed_in, told
from gateway.cli.output import emit, json_option
from gateway.client.errors import ClientError
from gateway.client.http import Api


@click.command("access-log")
@click.option("--action", default="", help="Code; one that ends in a dot stands for all below it.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@click.option(
    "--proofs",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the proof of each access into this folder.",
)
@json_option
@told
def access_log(action: str, limit: int, proofs: Path | None, as_json: bool) -> None:
    """List your own accesses, newest first; each can be proved to anybody, also later."""
    with signed_in() as api:
        found = list(islice(api.access_log(action), limit))
        if proofs is not None:
            _write(api, found, proofs)
    emit(found if as_json else [_short(row) for row in found], as_json)


def _write(api: Api, found: list[dict[str, Any]], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for row in found:
            index = int(row["index"])
            (folder / f"sumun-{index}.tlog-proof").write_text(api.access_proof(index), "utf-8")
    except OSError as error:
        raise ClientError(f"{folder} cannot be written: {error.strerror}") from error
    click.echo(f"{len(found)} proofs in {folder}", err=True)


def _short(row: dict[str, Any]) -> dict[str, Any]:
    names = ("index", "time", "action", "outcome", "dataset", "version", "item", "address")
    return {name: row.get(name) for name in names}
