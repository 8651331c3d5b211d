"""`sumun db`: the schema's revision."""

from __future__ import annotations

import click

from gateway.cli.common import FOUND, Home, emit, home_option, json_option


@click.group()
def db() -> None:
    """The database's schema."""


@db.command()
@json_option
@home_option
def upgrade(home: Home, as_json: bool) -> None:
    """Create or upgrade every table; harmless when there is nothing to do."""
    from gateway import schema
    from gateway.home import set_up

    runtime = set_up(home.settings())
    emit({"revision": schema.current(runtime.db)}, as_json)
    runtime.close()


@db.command()
@json_option
@home_option
@click.pass_context
def current(context: click.Context, home: Home, as_json: bool) -> None:
    """The revision the database is at, and the newest; exit 1 when they differ."""
    from gateway import schema
    from gateway.db import Database

    found, newest = schema.current(Database(home.settings().database)), schema.head()
    emit({"current": found, "newest": newest}, as_json)
    if found != newest:
        context.exit(FOUND)
