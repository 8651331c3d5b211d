"""How every command prints data and tells failure; the client's commands import this alone.

Exit status everywhere: 0 done and clean; 1 done, and something was found; 2 it could not be done.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

FOUND, FAILED = 1, 2


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--json`, passed on as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def emit(rows: Iterable[Mapping[str, Any]] | Mapping[str, Any], as_json: bool) -> None:
    """Print one object or a table of objects, as JSON lines or for people."""
    single = isinstance(rows, Mapping)
    items: list[Mapping[str, Any]] = [rows] if isinstance(rows, Mapping) else list(rows)
    if as_json:
        for item in items:
            click.echo(json.dumps(item, ensure_ascii=False, default=str))
        return
    if single:
        _print_pairs(items[0])
    elif items:
        _print_table(items)


def _print_pairs(item: Mapping[str, Any]) -> None:
    width = max(map(len, item), default=0)
    for key, value in item.items():
        click.echo(f"{key:<{width}}  {value}")


def _print_table(items: list[Mapping[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*items[0].keys(), box=None, pad_edge=False, header_style="bold")
    for item in items:
        table.add_row(*("" if value is None else str(value) for value in item.values()))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def fail(message: str) -> click.exceptions.Exit:
    """Say in one line on stderr why it could not be done; `raise fail(…)`."""
    click.echo(f"sumun: {message}", err=True)
    return click.exceptions.Exit(FAILED)
