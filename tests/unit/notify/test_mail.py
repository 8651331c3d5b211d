"""Letters go to the mail server that is set, or into the outbox, and nowhere else."""

from __future__ import annotations

import email
import email.policy
import smtplib
import socketserver
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from gateway.config import Settings, load
from gateway.errors import OperatorError
from gateway.notify import Letter, Transport, send, server_of, transport

NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
LETTER = Letter(
    "letter-1", "홍길순", "official@example.com", "서명 요청", "읽어 주십시오.\n둘째 줄"
)


@dataclass
class Mailbox:
    """What a small mail server took in, and where it listens."""

    port: int = 0
    messages: list[bytes] = field(default_factory=list)
    refuses: bool = False


@contextmanager
def mail_server(box: Mailbox) -> Iterator[Mailbox]:
    """A server that speaks as much SMTP (RFC 5321) as one letter needs."""

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 small")
            while line := self.rfile.readline().decode().strip():
                verb = line.split()[0].upper()
                if verb == "RCPT" and box.refuses:
                    self.say("550 no such person")
                elif verb == "DATA":
                    self.say("354 go on")
                    box.messages.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                    self.say("250 taken")
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 small")

        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    with socketserver.TCPServer(("127.0.0.1", 0), Session) as server:
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield box
        server.shutdown()
        thread.join()


def settings(home: Path, url: str = "") -> Settings:
    return load({}, home=home, smtp_url=url, public_url="https://gate.example")


def parsed(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_without_a_server_a_letter_lies_in_the_outbox_for_its_owner_only(tmp_path: Path) -> None:
    where = settings(tmp_path)

    assert transport(where) is send(where, LETTER, NOW) is Transport.OUTBOX

    (file,) = (tmp_path / "outbox").iterdir()
    assert file.name == "letter-1.eml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    message = parsed(file.read_bytes())
    assert (message["Subject"], message["From"]) == ("서명 요청", "Sumun <no-reply@gate.example>")
    assert message.get_content() == f"{LETTER.body}\n"


def test_a_letter_that_is_written_twice_is_one(tmp_path: Path) -> None:
    for _each in range(2):
        send(settings(tmp_path), LETTER, NOW)

    assert len(list((tmp_path / "outbox").iterdir())) == 1


def test_a_server_gets_the_letter_whole_and_the_outbox_nothing(tmp_path: Path) -> None:
    with mail_server(Mailbox()) as box:
        way = send(settings(tmp_path, f"smtp://127.0.0.1:{box.port}?from=a@b.example"), LETTER, NOW)

    (raw,) = box.messages
    message = parsed(raw)
    assert way is Transport.SMTP
    assert message["To"].addresses[0].display_name == "홍길순"
    assert message["From"].addresses[0].addr_spec == "a@b.example"
    assert message["Message-ID"] == "<letter-1@b.example>"
    assert message.get_content().splitlines() == LETTER.body.splitlines()
    assert not (tmp_path / "outbox").exists()


def test_a_letter_that_the_server_refuses_is_told(tmp_path: Path) -> None:
    with mail_server(Mailbox(refuses=True)) as box, pytest.raises(smtplib.SMTPException):
        send(settings(tmp_path, f"smtp://127.0.0.1:{box.port}"), LETTER, NOW)


def test_a_server_that_is_away_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="refused"):
        send(settings(tmp_path, "smtp://127.0.0.1:1"), LETTER, NOW)


def test_a_password_never_travels_in_the_clear(tmp_path: Path) -> None:
    with mail_server(Mailbox()) as box, pytest.raises(OperatorError, match="no TLS"):
        send(settings(tmp_path, f"smtp://me:secret@127.0.0.1:{box.port}"), LETTER, NOW)

    assert box.messages == []


def test_a_line_break_in_a_name_makes_no_header(tmp_path: Path) -> None:
    letter = Letter("k", "a\nBcc: x@y.example", "official@example.com", "s", "b")

    with pytest.raises(ValueError, match=r"CR|LF|newline|linefeed"):
        send(settings(tmp_path), letter, NOW)


@pytest.mark.parametrize(
    ("url", "port", "tls"),
    [
        ("smtp://mail.example", 25, False),
        ("smtps://mail.example", 465, True),
        ("smtp://u%40x:p%2F@mail.example:587?from=a@b.example", 587, False),
    ],
)
def test_addresses_of_servers_are_understood(
    tmp_path: Path, url: str, port: int, tls: bool
) -> None:
    server = server_of(settings(tmp_path, url))

    assert (server.host, server.port, server.tls) == ("mail.example", port, tls)
    if "@x" in server.user:
        assert (server.user, server.password, server.sender) == ("u@x", "p/", "a@b.example")


@pytest.mark.parametrize(
    "url",
    [
        "mail.example", "http://mail.example", "smtp://", "smtp://mail.example:port",
        "smtp://mail.example/path", "smtp://mail.example?to=x", "smtp://mail.example?from",
    ],
)  # fmt: skip
def test_any_other_address_is_refused_with_its_form(tmp_path: Path, url: str) -> None:
    with pytest.raises(OperatorError, match=r"SUMUN_SMTP_URL: write smtp://"):
        server_of(settings(tmp_path, url))
