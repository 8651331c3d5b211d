"""`sumun key`: rotation of the keys that may be rotated."""

from __future__ import annotations

import click

from gateway.cli.common import Home, emit, home_option, json_option
from gateway.journal import Act, Actor, Entry
from gateway.keys import Purpose
from gateway.runtime import Runtime

# What a log or a person's data was sealed with cannot be replaced by making a new key.
ROTATABLE = (Purpose.URL, Purpose.SESSION, Purpose.CURSOR)
# The pair that signs ID tokens lies apart from the keys that seal.
SIGNING = "signing"


@click.group()
def key() -> None:
    """The gateway's keys."""


@key.command()
@click.argument("purpose", type=click.Choice([*map(str, ROTATABLE), SIGNING]))
@json_option
@home_option
def rotate(home: Home, purpose: str, as_json: bool) -> None:
    """Make a new key; for URLs and for signing the previous one stays valid beside it."""
    with home.runtime() as runtime:
        kid = _made(runtime, purpose)
        runtime.journal.append(Entry(Actor.operator(), Act.KEY_ROTATED, ref=f"key:{purpose}.{kid}"))
    emit({"purpose": purpose, "kid": kid}, as_json)


def _made(runtime: Runtime, purpose: str) -> str:
    from gateway.identity.oauth.id_tokens import signing_keys

    if purpose == SIGNING:
        return signing_keys(runtime).rotate()
    return runtime.keys.add(Purpose(purpose)).kid
