"""How `sumun login` gets its session: a browser anywhere, or what waits on standard input."""

from __future__ import annotations

import platform
import select
import sys
from dataclasses import replace

import click

from gateway.cli.connection import open_api
from gateway.client.errors import ClientError, Refused
from gateway.client.http import Api
from gateway.client.session import Session

STDIN_SECONDS = 0.3
CODE_MISSING = (
    "this account has a second factor: run `sumun login` in a terminal and allow it in a browser, "
    "or give a code of the authenticator app, or a recovery code, as a third line on stdin"
)


def signed_in_at(address: str) -> tuple[Session, str]:
    """A new session at `address` and until when it lives at the latest; what waits on standard
    input is read as account, password and, for whoever has a second factor, its code.

    Raises ClientError when nobody signs in.
    """
    given = _on_stdin()
    return _by_password(address, given) if given.strip() else _by_device(address)


def _by_device(address: str) -> tuple[Session, str]:
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
        me = api.me()
    # The token itself is renewed again and again; the sign-in behind it ends later.
    until = str(me.get("session_ends_at") or session.expires_at)
    return replace(session, account=str(me.get("account", ""))), until


def _by_password(address: str, given: str) -> tuple[Session, str]:
    account, password, code = _credentials(given)
    with Api(address) as api:
        try:
            found = api.sign_in(account, password, platform.node() or "sumun", code)
        except Refused as refused:
            if refused.code == "second_factor_required":
                raise ClientError(CODE_MISSING) from refused
            raise
    until = str(found.get("expires_at", ""))
    return Session(address, account, str(found.get("token", "")), until), until


def _on_stdin() -> str:
    """What somebody handed over; an idle terminal or pipe has nothing to read."""
    try:
        idle = sys.stdin.isatty() or not select.select([sys.stdin], [], [], STDIN_SECONDS)[0]
    except (OSError, ValueError):
        # No real file, as under a test's runner: whatever it holds can be read at once.
        idle = False
    return "" if idle else sys.stdin.read()


def _credentials(given: str) -> tuple[str, str, str]:
    lines = given.split("\n")
    if len(lines) < 2 or not lines[0] or not lines[1]:
        raise ClientError("give the account and the password as two lines on stdin")
    code = lines[2].strip() if len(lines) > 2 else ""
    return lines[0].strip(), lines[1].rstrip("\r"), code
