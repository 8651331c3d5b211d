"""How the researcher's commands reach their gateway, and how they tell what it refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import click

from gateway.cli.output import fail, plain
from gateway.client import session as sessions
from gateway.client.errors import ClientError, Refused
from gateway.client.http import Api
from gateway.client.session import Session

STEP_UP, STEP_UP_PATH = "insufficient_user_authentication", "/account/step-up"


def told(command: Callable[..., Any]) -> Callable[..., Any]:
    """Expected errors become one line and exit status 2; a denial lists every reason."""

    @wraps(command)
    def run(*arguments: Any, **named: Any) -> Any:
        try:
            return command(*arguments, **named)
        except Refused as refused:
            explain(refused)
            raise fail(led_on(refused)) from refused
        except ClientError as error:
            raise fail(str(error)) from error

    return run


@contextmanager
def signed_in() -> Iterator[Api]:
    """The API with the stored session.

    Raises ClientError when nobody is signed in, or when another gateway issued the session.
    """
    sessions.load()
    with anybody() as api:
        yield api


@contextmanager
def anybody() -> Iterator[Api]:
    """The API with the stored session if there is one. Raises ClientError when another gateway
    issued it."""
    server = sessions.server()
    with open_api(server, sessions.for_server(server)) as api:
        yield api


def open_api(server: str, session: Session | None) -> Api:
    """The API with the credentials of a session: a token that is bound to a key, or a plain one."""
    if session is None:
        return Api(server)
    if session.key:
        # Cryptography is loaded by those who sign, not by every command.
        from gateway.client.tokens import Renewing

        return Api(server, auth=Renewing(session))
    return Api(server, session.token)


def led_on(refused: Refused) -> str:
    """Why not and what to do now, in one line; a denial has said so with each reason."""
    parts = [str(refused)]
    if refused.problem.get("next") and not refused.blockers:
        parts.append(str(refused.problem["next"]))
    if refused.code == STEP_UP:
        parts.append(f"{sessions.server()}{STEP_UP_PATH}")
    return " ".join(parts)


def explain(refused: Refused) -> None:
    """Every reason of a denial with its remedy, and every field that is not right, on stderr."""
    for each in refused.fields:
        click.echo(f"  - {plain(each.get('field'))}: {plain(each.get('message'))}", err=True)
    for each in refused.blockers:
        click.echo(f"  - {plain(each.get('en'))} [{plain(each.get('code'))}]", err=True)
        click.echo(f"    {plain(each.get('remedy_en'))} ({plain(each.get('actor_en'))})", err=True)
