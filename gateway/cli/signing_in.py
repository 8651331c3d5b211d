"""How `sumun login` gets its session: a browser anywhere, or what waits on standard input."""

from __future__ import annotations

import platform
import select
import sys
from dataclasses import replace

import click

from gateway.cli.connection import open_api
from gateway.client.errors import ClientError
from gateway.client.http import Api
from gateway.client.session import Session

STDIN_SECONDS = 0.3


def signed_in_at(address: str) -> Session:
    """A new session at `address`; what waits on standard input is read as account and password.

    Raises ClientError when nobody signs in.
    """
    given = _on_stdin()
    return _by_password(address, given) if given.strip() else _by_device(address)


def _by_device(address: str) -> Session:
    from gateway.client.device import Provider
    from gateway.client.proof import new_key
    from gateway.client.tokens import opened

    key = new_key()
    provider = Provider(address, key)
    try:
        waiting = provider.begin()
        click.echo(f"open {waiting.address_with_code}")
        click.echo(f"and allow the code {waiting.code}")
        session = opened(Session(address, "", "", "", "", key), provider.wait(waiting))
    finally:
        provider.close()
    with open_api(address, session) as api:
        return replace(session, account=str(api.me().get("account", "")))


def _by_password(address: str, given: str) -> Session:
    account, password = _credentials(given)
    with Api(address) as api:
        found = api.sign_in(account, password, platform.node() or "sumun")
    return Session(address, account, str(found.get("token", "")), str(found.get("expires_at", "")))


def _on_stdin() -> str:
    """What somebody handed over; an idle terminal or pipe has nothing to read."""
    try:
        idle = sys.stdin.isatty() or not select.select([sys.stdin], [], [], STDIN_SECONDS)[0]
    except (OSError, ValueError):
        # No real file, as under a test's runner: whatever it holds can be read at once.
        idle = False
    return "" if idle else sys.stdin.read()


def _credentials(given: str) -> tuple[str, str]:
    lines = given.split("\n")
    if len(lines) < 2 or not lines[0] or not lines[1]:
        raise ClientError("give the account and the password as two lines on stdin")
    return lines[0].strip(), lines[1].rstrip("\r")
