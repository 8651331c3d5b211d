"""`--rules DIR`: the commands that try rules before anybody puts them in force."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import fail

if TYPE_CHECKING:
    from policies.rules import RuleSource


def rules_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--rules`, passed on as `folder`; `None` stands for the program's own rules.

    `--home` is taken as by every command; what needs no home leaves it alone.
    """
    folder = click.option(
        "--rules",
        "folder",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="A folder of rule files and their schema.",
    )
    return folder(home(command))


home = click.option("--home", type=click.Path(path_type=Path), expose_value=False, help="Not used.")


def whole_rules(folder: Path | None) -> RuleSource:
    """The rules of a folder, when nothing is wrong with them; otherwise exit status 2."""
    from policies import rules
    from policies.check import inspect

    try:
        source = rules.read(folder)
    except OSError as error:
        raise fail(f"the rule files cannot be read: {error}") from error
    problems = inspect(source)
    if problems:
        raise fail("; ".join(map(str, problems)))
    return source
