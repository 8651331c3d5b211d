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
    """Print one object or a table of objects, as JSON lines or for people.

    People are told on stderr that a table is empty; of JSON lines there are none then.
    """
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
    else:
        click.echo("sumun: nothing to show", err=True)


def plain(value: Any) -> str:
    """Text from elsewhere on one line, without what would steer the terminal.

    Lists and the pairs of objects are joined by commas; None is nothing.
    """
    if isinstance(value, (list, tuple)):
        return ", ".join(map(plain, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{plain(name)} {plain(each)}" for name, each in value.items())
    text = "" if value is None else " ".join(str(value).split())
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def _print_pairs(item: Mapping[str, Any]) -> None:
    width = max(map(len, item), default=0)
    for key, value in item.items():
        click.echo(f"{key:<{width}}  {plain(value)}")


def _print_table(items: list[Mapping[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*items[0].keys(), box=None, pad_edge=False, header_style="bold")
    for item in items:
        # As text: a square bracket in a title is no markup.
        table.add_row(*(Text(plain(value)) for value in item.values()))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def fail(message: str) -> click.exceptions.Exit:
    """Say in one line on stderr why it could not be done; `raise fail(…)`."""
    click.echo(f"sumun: {plain(message)}", err=True)
    return click.exceptions.Exit(FAILED)
