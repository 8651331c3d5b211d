"""`sumun exports`: packages and results, from the researcher's side."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from gateway.cli.connection import signed_in, told
from gateway.cli.output import FOUND, emit, json_option, plain
from gateway.client import exports as client
from gateway.client.errors import ClientError
from gateway.client.fetch import Fetcher
from gateway.client.http import Api

POLL_SECONDS = 1.0
WORKING = frozenset({"submitted", "scanning"})
LISTED = ("id", "kind", "state", "turn", "dataset", "version", "items", "bytes", "title")
DETAIL = (*LISTED, "verdict", "counts", "content_sha256", "held_en", "failure_en")
GRANT = click.option("--grant", type=click.UUID, required=True, help="See `sumun grants`.")
TITLE = click.option("--title", default="", help="For yourself, to find it again.")
WAIT = click.option("--wait", is_flag=True, help="Wait until it is released, held or has failed.")


@click.group()
def exports() -> None:
    """Ask for packages, hand in results, fetch what was released."""


@exports.command()
@click.argument("dataset")
@click.argument("patterns", nargs=-1, required=True)
@GRANT
@TITLE
@WAIT
@json_option
@told
def package(
    *,
    dataset: str,
    patterns: tuple[str, ...],
    grant: uuid.UUID,
    title: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Ask for the files of DATASET (SLUG or SLUG@VERSION) that match, as one scanned ZIP file."""
    slug, _at, version = dataset.partition("@")
    with signed_in() as api:
        _check_grant(api, str(grant), slug)
        made = client.package(api, str(grant), patterns, version or None, title)
        _tell(_settled(api, made) if wait else made, as_json)


@exports.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@GRANT
@TITLE
@WAIT
@json_option
@told
def submit(
    paths: tuple[Path, ...], grant: uuid.UUID, title: str, wait: bool, as_json: bool
) -> None:
    """Hand in a result: a ZIP file, or a folder or files that are packed into one."""
    with signed_in() as api:
        made = client.submit(api, str(grant), paths, title)
        _tell(_settled(api, made) if wait else made, as_json)


@exports.command()
@click.argument("export", type=click.UUID, required=False)
@json_option
@told
def show(export: uuid.UUID | None, as_json: bool) -> None:
    """List your exports, or show one: its state, whose turn it is, what was found where."""
    with signed_in() as api:
        if export is not None:
            _tell(client.show(api, str(export)), as_json)
            return
        rows = list(api.exports())
    emit(rows if as_json else [{name: row.get(name) for name in LISTED} for row in rows], as_json)


@exports.command()
@click.argument("export", type=click.UUID)
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), required=True)
@json_option
@told
def fetch(export: uuid.UUID, folder: Path, as_json: bool) -> None:
    """Fetch a released export into a folder; run it again to resume."""
    fetcher = Fetcher()
    try:
        with signed_in() as api:
            found = client.fetch(api, fetcher, str(export), folder, lambda _bytes: None)
    finally:
        fetcher.close()
    emit({"path": str(found.path), "sha256": found.sha256, "size": found.size}, as_json)


def _check_grant(api: Api, grant: str, slug: str) -> None:
    """The grant names the dataset; a slip between the two must not pack another one."""
    known = {row.get("id"): row.get("dataset") for row in api.grants()}
    if known.get(grant) != slug:
        raise ClientError(f"{grant} is not a grant of yours for {slug}; see: sumun grants")


def _settled(api: Api, export: dict[str, Any]) -> dict[str, Any]:
    while export.get("state") in WORKING:
        time.sleep(POLL_SECONDS)
        export = client.show(api, str(export.get("id")))
    return export


def _tell(export: Mapping[str, Any], as_json: bool) -> None:
    """Print the export; exit 1 when it is held, rejected or has failed."""
    emit(export if as_json else _only(export, DETAIL), as_json)
    if not as_json:
        for row in export.get("findings", []):
            click.echo(
                f"  {plain(row.get('entity_type'))}  {plain(_place(row.get('location', {})))}"
            )
    if export.get("state") in {"held", "rejected", "failed"}:
        raise click.exceptions.Exit(FOUND)


def _place(location: Mapping[str, Any]) -> str:
    return " ".join(f"{name} {value}" for name, value in location.items()) or "whole file"


def _only(row: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: row[name] for name in names if row.get(name) not in (None, "", {})}
