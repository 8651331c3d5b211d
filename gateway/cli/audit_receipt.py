"""`sumun audit check-receipt`: does the log hold what it promised?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import FAILED, FOUND, Home, emit, fail, home_option, json_option

if TYPE_CHECKING:
    from gateway.witnessing.receipt_check import Checked

Check = Callable[[str], "Checked"]
MAX_BYTES = 64 * 1024


@click.command("check-receipt")
@click.argument("paths", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--url", help="Check as a stranger, at the log's public address.")
@click.option("--key", help="With --url: a verifier key of the log that you trust.")
@json_option
@home_option
@click.pass_context
def check_receipt(
    context: click.Context, /, home: Home, *, paths: tuple[Path, ...], as_json: bool, **at: Any
) -> None:
    """Check receipts (files, or folders of them) as the header Sumun-Receipt gave them.

    A file holds a header's value, its whole line, saved headers, or the signed note itself.
    Exit status 0: the log holds every one, and the proof is printed. 1: it does not hold one, or
    not yet; what a restored backup lost is named as such. 2: a file is no receipt of this log.
    """
    from audit.errors import AuditError
    from audit.receipt import receipts_in

    try:
        with _checker(home, at["url"], at["key"]) as check:
            results = [
                (path, check(text)) for path in _files(paths) for text in receipts_in(_read(path))
            ]
    except AuditError as error:
        raise fail(str(error)) from error
    if as_json:
        emit([_row(path, one) | {"proof": one.proof} for path, one in results], True)
    else:
        emit([_row(path, one) for path, one in results], False)
        _print_proof(results)
    context.exit(_status([one for _, one in results]))


@contextmanager
def _checker(home: Home, url: str | None, key: str | None) -> Iterator[Check]:
    if (url is None) != (key is None):
        raise fail("--url needs --key: a log's own word is no proof against it")
    if url is not None and key is not None:
        from gateway.witnessing.receipt_check import check_from_outside
        from gateway.witnessing.sources import open_source

        source = open_source(url)
        now_ms = time.time_ns() // 1_000_000
        yield lambda text: check_from_outside(source, key, text, now_ms)
        return
    from gateway.witnessing.receipt_check import check

    with home.runtime() as runtime:
        yield lambda text: check(runtime, text)


def _files(paths: tuple[Path, ...]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        inside = sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path]
        found += inside
    if not found:
        raise fail("there is no receipt in the folder")
    return found


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise fail(f"{path}: {error.strerror}") from error


def _row(path: Path, one: Checked) -> dict[str, Any]:
    return {
        "file": path.name,
        "standing": str(one.standing),
        "event": one.receipt.event_id if one.receipt else None,
        "what": one.words,
    }


def _print_proof(results: list[tuple[Path, Checked]]) -> None:
    """One proof is for reading; of many, `--json` has them all."""
    if len(results) == 1 and results[0][1].proof is not None:
        click.echo(f"\n{results[0][1].proof}", nl=False)


def _status(results: list[Checked]) -> int:
    from gateway.witnessing.receipt_check import Standing

    standings = {one.standing for one in results}
    if standings & {Standing.OMITTED, Standing.ALTERED, Standing.LOST, Standing.PENDING}:
        return FOUND
    return FAILED if standings & {Standing.MALFORMED, Standing.FOREIGN} else 0
