"""`sumun audit fsck` and `sumun audit publish`: the log's tiles, stored and published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import FOUND, Home, emit, fail, home_option, json_option

if TYPE_CHECKING:
    from audit.fsck import Fsck
    from gateway.runtime import Runtime

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--repair-tiles", is_flag=True, help="Rebuild tiles from the entries.")
@click.option("--published", type=_FOLDER, help="Check this copy instead of the storage.")
@json_option
@home_option
@click.pass_context
def fsck(
    context: click.Context, home: Home, repair_tiles: bool, published: Path | None, as_json: bool
) -> None:
    """Rebuild the tree from the entries; compare stored and published tiles with it.

    Exit status 1: each tile that is missing, torn or altered is named with its index. Entries
    are never repaired; tiles are rebuilt only from entries that lead to the signed root.
    """
    from gateway.evidence import tiles

    target = None if published is None else tiles.folder_shelves(published)
    with opened(home) as runtime:
        if repair_tiles:
            done = tiles.repair(runtime, target)
            found, repaired = done.after, {"database": done.database, "published": done.published}
        else:
            found, repaired = tiles.check(runtime, target), None
    _print(found, repaired, as_json)
    if not found.clean:
        context.exit(FOUND)


@click.command()
@click.option("--out", type=_FOLDER, help="Write a whole copy, entry bundles included, here.")
@json_option
@home_option
def publish(home: Home, out: Path | None, as_json: bool) -> None:
    """Publish the log now, or copy it to a folder, as C2SP tlog-tiles."""
    from gateway.evidence.publication import publish_now
    from gateway.evidence.tiles import copy_out

    with opened(home) as runtime:
        size = publish_now(runtime) if out is None else copy_out(runtime, out.resolve())
        place = runtime.settings.storage if out is None else str(out.resolve())
    emit({"entries": size, "published": place}, as_json)


@contextmanager
def opened(home: Home) -> Iterator[Runtime]:
    """The runtime; what the log or the storage refuses ends the command in one line."""
    from audit.errors import AuditError
    from gateway.db import WriteBusy
    from gateway.storage import StoreUnavailable

    try:
        with home.runtime() as runtime:
            yield runtime
    except AuditError as error:
        raise fail(str(error)) from error
    except StoreUnavailable as error:
        raise fail(f"the storage cannot be used: {error}") from error
    except WriteBusy as error:
        raise fail("the database is busy; try again") from error


def _print(found: Fsck, repaired: dict[str, int] | None, as_json: bool) -> None:
    if as_json:
        emit(_fields(found, repaired), True)
        return
    for one in found.findings:
        click.echo(f"index {one.index}: {one.table}: {one.what}")
    if found.more:
        click.echo(f"and {found.more} more findings")
    if repaired is not None:
        click.echo(f"rebuilt: {repaired['database']} stored, {repaired['published']} published")
    end = "nothing is published" if found.published is None else f"{found.published} published"
    click.echo(f"{'clean' if found.clean else 'DAMAGED'}: {found.size} entries, {end}")
    click.echo(f"root {found.root.hex()}")


def _fields(found: Fsck, repaired: dict[str, int] | None) -> dict[str, Any]:
    findings = [{"index": f.index, "place": f.table, "what": f.what} for f in found.findings]
    return {
        "clean": found.clean,
        "size": found.size,
        "root": found.root.hex(),
        "published": found.published,
        "findings": findings,
        "more": found.more,
        "repaired": repaired,
    }
