"""What every command shares: the home, how data is printed, how failure is told.

Exit status everywhere: 0 done and clean; 1 done, and something was found; 2 it could not be done.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.errors import OperatorError, Problem

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.runtime import Runtime

FOUND, FAILED = 1, 2


class Home:
    """The home a command works on; opened only by the commands that need it."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def settings(self, **flags: Any) -> Settings:
        """The resolved settings, with `--home` over everything else."""
        from gateway.config import load

        return load(home=self.path, **flags)

    @contextmanager
    def runtime(self) -> Iterator[Runtime]:
        """The opened runtime. Raises OperatorError when the home was never set up."""
        from gateway.startup import open_runtime

        runtime = open_runtime(self.settings())
        try:
            yield runtime
        finally:
            runtime.close()


def home_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--home` on a command itself, beside the one before the command's name."""

    @wraps(command)
    def with_home(*arguments: Any, home: Path | None, **options: Any) -> Any:
        context = click.get_current_context()
        given = context.find_object(Home) or Home(None)
        return command(*arguments, home=Home(home or given.path), **options)

    option = click.option("--home", type=click.Path(path_type=Path), help="Home (SUMUN_HOME).")
    return option(with_home)


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


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn expected errors into one clear line and exit status 2."""
    try:
        yield
    except OperatorError as error:
        raise fail(str(error)) from error
    except Problem as problem:
        texts = problem.to_json("en")
        line = texts.get("detail") or f"{texts['title']}. {texts['next']}"
        raise fail(f"{line} [{problem.code}]") from problem
