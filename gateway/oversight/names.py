"""The log's codes for accounts and channels in words, for pages in both languages."""

from __future__ import annotations

from typing import Any

from flask import Flask

from audit.event import Channel, PartyKind
from gateway.applications.words import PURPOSES
from gateway.oversight.words import others
from gateway.web.i18n import lazy

CHANNELS: dict[str, Any] = {
    Channel.WEB: lazy("Web page"),
    Channel.API: lazy("API"),
    Channel.CLI: lazy("Command line"),
    Channel.WORKER: lazy("Background job"),
}
KINDS: dict[str, Any] = {
    PartyKind.PERSON: lazy("Person"),
    PartyKind.OPERATOR: lazy("Operator on the host"),
    PartyKind.SYSTEM: lazy("Automatic"),
    PartyKind.MACHINE: lazy("Machine client"),
    PartyKind.ANONYMOUS: lazy("Not signed in"),
}


def channel_word(code: str) -> str:
    """The word for a channel; what an older or damaged entry says is shown as it stands."""
    return str(CHANNELS.get(code, code))


def kind_word(code: str) -> str:
    """The word for a kind of account, or the code as it stands."""
    return str(KINDS.get(code, code))


def use_word(code: str) -> str:
    """The word for a purpose of use, or the code as it stands."""
    return str(PURPOSES.get(code, code))


def install(app: Flask) -> None:
    """Templates have `channel_word`, `account_kind_word`, `use_word` and `others`."""
    app.jinja_env.globals.update(
        channel_word=channel_word, account_kind_word=kind_word, use_word=use_word, others=others
    )
