"""`sumun doctor`."""

from __future__ import annotations

from dataclasses import asdict

import click

from gateway.cli.common import FOUND, Home, home_option, json_option


@click.command()
@json_option
@home_option
@click.pass_context
def doctor(context: click.Context, home: Home, as_json: bool) -> None:
    """Check every dependency, key, clock, disk, database and log; say how to mend each."""
    from gateway.cli.common import emit
    from gateway.doctor import examine

    checks = list(examine(home.settings()))
    if as_json:
        emit([asdict(check) for check in checks], True)
    else:
        for check in checks:
            click.echo(f"{'ok  ' if check.ok else 'MEND'} {check.name}: {check.found}")
            if not check.ok:
                click.echo(f"     {check.mend}")
    if not all(check.ok for check in checks):
        context.exit(FOUND)
