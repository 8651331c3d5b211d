"""`sumun`: a neutral group whose commands are imported only when called.

The client's commands need only the small default install; the operator's need `sumun[server]`,
and scanning needs `sumun[scan]`.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import click

from gateway.cli.common import FAILED, Home, one_line_errors
from gateway.cli.failures import ENDS, LOADING, failed

COMMANDS = {
    "access-log": "gateway.cli.access_log:access_log",
    "applications": "gateway.cli.applying:applications",
    "apply": "gateway.cli.applying:apply",
    "audit": "gateway.cli.audit:audit",
    "backup": "gateway.cli.backup:backup",
    "catalog": "gateway.cli.catalog:catalog",
    "crowd": "gateway.cli.crowd:crowd",
    "datasets": "gateway.cli.client:datasets",
    "db": "gateway.cli.db:db",
    "demo": "gateway.cli.demo:demo",
    "doctor": "gateway.cli.doctor:doctor",
    "download": "gateway.cli.client:download",
    "emergency": "gateway.cli.emergency:emergency",
    "exports": "gateway.cli.exports:exports",
    "grants": "gateway.cli.client:grants",
    "key": "gateway.cli.key:key",
    "login": "gateway.cli.client:login",
    "logout": "gateway.cli.client:logout",
    "org": "gateway.cli.org:org",
    "policy": "gateway.cli.policy:policy",
    "restore": "gateway.cli.backup:restore",
    "role": "gateway.cli.role:role",
    "scan": "gateway.cli.scan:scan",
    "serve": "gateway.cli.serve:serve",
    "sign": "gateway.cli.applying:sign",
    "url": "gateway.cli.client:url",
    "user": "gateway.cli.user:user",
    "whoami": "gateway.cli.client:whoami",
    "worker": "gateway.cli.serve:worker",
    "zone": "gateway.cli.zone:zone",
}
# So that `sumun --help` imports no command, and works where only some of them can.
SUMMARIES = {
    "access-log": "List your own accesses, each with a proof.",
    "applications": "List your applications: state, and whose turn it is.",
    "apply": "Apply for datasets.",
    "audit": "The audit log: verify, prove, search.",
    "backup": "Copy a home while it is running.",
    "catalog": "Construction projects, datasets and their versions.",
    "crowd": "Crowd work: tasks, and identity checks.",
    "datasets": "List datasets, or show whether you can get one.",
    "db": "The database's schema.",
    "demo": "Run the main job end to end on real sample data.",
    "doctor": "Check everything; say how to mend it.",
    "download": "Download files of a dataset; run it again to resume.",
    "emergency": "Break-glass access: open, end, status.",
    "exports": "Ask for packages, hand in results, fetch them.",
    "grants": "List your grants.",
    "key": "The gateway's keys.",
    "login": "Sign in to a gateway.",
    "logout": "End the session.",
    "org": "Organisations and their verification.",
    "policy": "Check, test and explain the rules.",
    "restore": "Restore a backup into an empty home.",
    "role": "Staff roles.",
    "scan": "Look for personal data in files and folders.",
    "serve": "Serve the gateway.",
    "sign": "Sign a usage agreement.",
    "url": "Print a signed address of one file.",
    "user": "People and their accounts.",
    "whoami": "Show who is signed in, and where.",
    "worker": "Run jobs until stopped.",
    "zone": "Safe zones: seats and datasets.",
}


class LazyGroup(click.Group):
    """Lists every command, imports the one that is called."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        target = COMMANDS.get(name)
        if target is None:
            return None
        module, attribute = target.split(":")
        try:
            command: click.Command = getattr(importlib.import_module(module), attribute)
        except Exception as error:
            raise failed(name, error, LOADING) from error
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(SUMMARIES.items()))

    def invoke(self, context: click.Context) -> Any:
        try:
            with one_line_errors():
                return super().invoke(context)
        except ENDS:
            raise
        except Exception as error:
            raise failed(context.invoked_subcommand or "", error) from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", type=click.Path(path_type=Path), help="Home folder (SUMUN_HOME).")
@click.version_option(package_name="sumun", prog_name="sumun")
@click.pass_context
def root(context: click.Context, home: Path | None) -> None:
    """Sumun: the gate of a data dam."""
    context.obj = Home(home)


def main() -> None:
    """Entry point of the `sumun` command; usage and other errors exit with 2."""
    try:
        status = root.main(prog_name="sumun", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(FAILED)
    except click.ClickException as error:
        click.echo(f"sumun: {error.format_message()}", err=True)
        sys.exit(FAILED)
    except click.Abort:
        click.echo("sumun: stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
