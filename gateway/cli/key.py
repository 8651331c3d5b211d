"""`sumun key`: rotation of the keys that may be rotated."""

from __future__ import annotations

import click

from gateway.cli.common import Home, emit, home_option, json_option
from gateway.journal import Act, Actor, Entry
from gateway.keys import Purpose

# What a log or a person's data was sealed with cannot be replaced by making a new key.
ROTATABLE = (Purpose.URL, Purpose.SESSION, Purpose.CURSOR)


@click.group()
def key() -> None:
    """The gateway's keys."""


@key.command()
@click.argument("purpose", type=click.Choice([str(purpose) for purpose in ROTATABLE]))
@json_option
@home_option
def rotate(home: Home, purpose: str, as_json: bool) -> None:
    """Make a new key; for URLs the previous one stays valid beside it."""
    with home.runtime() as runtime:
        made = runtime.keys.add(Purpose(purpose))
        runtime.journal.append(
            Entry(Actor.operator(), Act.KEY_ROTATED, ref=f"key:{purpose}.{made.kid}")
        )
    emit({"purpose": purpose, "kid": made.kid}, as_json)
