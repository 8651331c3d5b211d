"""Sends one letter, by SMTP (RFC 5321, STARTTLS where offered) or into the home's outbox.

Without `SUMUN_SMTP_URL` nothing leaves the host: the letter is written to `HOME/outbox` as a file
that every mail program opens, and an operator passes it on. Sending twice is harmless: a letter's
key gives its Message-ID and its file name.
"""

from __future__ import annotations

import os
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from gateway.config import Settings
from gateway.errors import OperatorError

PORTS = {"smtp": 25, "smtps": 465}
TIMEOUT_SECONDS = 20
OUTBOX = "outbox"
FORM = "write smtp://[USER:PASSWORD@]HOST[:PORT][?from=ADDRESS], or smtps://…"


class Transport(StrEnum):
    """The way letters go."""

    SMTP = "smtp"
    OUTBOX = "outbox"


@dataclass(frozen=True, slots=True)
class Letter:
    """Plain text to one person; `key` is the letter's own and safe as a file name."""

    key: str
    name: str
    address: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server as `SUMUN_SMTP_URL` names it; `tls` from the first byte on."""

    host: str
    port: int
    tls: bool
    user: str
    password: str
    sender: str


def transport(settings: Settings) -> Transport:
    """How letters go in this installation."""
    return Transport.SMTP if settings.smtp_url else Transport.OUTBOX


def send(settings: Settings, letter: Letter, now: datetime) -> Transport:
    """Hand the letter over; returns to whom.

    Raises OperatorError for a setting that cannot be used, smtplib.SMTPException or OSError when
    the server does not take it.
    """
    way = transport(settings)
    if way is Transport.SMTP:
        _by_smtp(server_of(settings), _message(settings, letter, now))
    else:
        _into_outbox(settings.home / OUTBOX, letter.key, _message(settings, letter, now))
    return way


def server_of(settings: Settings) -> Server:
    """The mail server of `SUMUN_SMTP_URL`. Raises OperatorError for one that does not parse."""
    parts = urlsplit(settings.smtp_url)
    try:
        port = parts.port or PORTS[parts.scheme]
        query = parse_qs(parts.query, strict_parsing=bool(parts.query))
    except (KeyError, ValueError) as error:
        raise OperatorError(f"setting SUMUN_SMTP_URL: {FORM}") from error
    if not parts.hostname or parts.path not in {"", "/"} or query.keys() - {"from"}:
        raise OperatorError(f"setting SUMUN_SMTP_URL: {FORM}")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    sender = query["from"][0] if query else _nobody(settings)
    return Server(parts.hostname, port, parts.scheme == "smtps", user, password, sender)


def _nobody(settings: Settings) -> str:
    return f"no-reply@{urlsplit(settings.public_url).hostname or 'localhost'}"


def _message(settings: Settings, letter: Letter, now: datetime) -> EmailMessage:
    sender = server_of(settings).sender if settings.smtp_url else _nobody(settings)
    message = EmailMessage()
    message["From"] = Address("Sumun", addr_spec=sender)
    message["To"] = Address(letter.name, addr_spec=letter.address)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{letter.key}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.body, cte="base64")
    return message


def _by_smtp(server: Server, message: EmailMessage) -> None:
    with _connected(server) as connection:
        if server.user:
            connection.login(server.user, server.password)
        connection.send_message(message)


@contextmanager
def _connected(server: Server) -> Iterator[smtplib.SMTP]:
    """A connection, encrypted where the server can. A password never travels in the clear."""
    context = ssl.create_default_context()
    if server.tls:
        with smtplib.SMTP_SSL(
            server.host, server.port, timeout=TIMEOUT_SECONDS, context=context
        ) as secure:
            yield secure
        return
    with smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS) as plain:
        plain.ehlo()
        if plain.has_extn("starttls"):
            plain.starttls(context=context)
            plain.ehlo()
        elif server.user:
            raise OperatorError("setting SUMUN_SMTP_URL: the server offers no TLS for a password")
        yield plain


def _into_outbox(folder: Path, key: str, message: EmailMessage) -> None:
    """A letter may hold a link that works once, so only the owner of the home may read it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = folder / f".{key}.tmp"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(message.as_bytes())
    aside.replace(folder / f"{key}.eml")
