"""What every command shares: the home, how data is printed, how failure is told.

Exit status everywhere: 0 done and clean; 1 done, and something was found; 2 it could not be done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.output import FAILED, FOUND, emit, fail, json_option
from gateway.errors import OperatorError, Problem

if TYPE_CHECKING:
    from gateway.config import Settings
    from gateway.runtime import Runtime

__all__ = [
    "FAILED",
    "FOUND",
    "Home",
    "emit",
    "fail",
    "home_option",
    "json_option",
    "one_line_errors",
]


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
