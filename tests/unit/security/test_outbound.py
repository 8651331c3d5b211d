"""Calls to other hosts reach what they may, and end."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.security import outbound
from gateway.security.outbound import MAX_ANSWER_BYTES, Outbound, Unreachable

LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
OPEN = Outbound(LOOPBACK, seconds=1.0)


@contextmanager
def speaking(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A listener that hands one connection to `talk`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                try:
                    talk(peer)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]


def answering(data: bytes) -> Callable[[socket.socket], None]:
    def talk(peer: socket.socket) -> None:
        peer.recv(65536)
        peer.sendall(data)

    return talk


def test_an_answer_of_any_status_is_given_back() -> None:
    data = b"HTTP/1.1 409 No\r\nContent-Type: Text/X.tlog.size; a=b\r\nContent-Length: 2\r\n\r\n7\n"
    with speaking(answering(data)) as port:
        reply = OPEN.post(f"http://127.0.0.1:{port}/add?x=1", b"body")

    assert (reply.status, reply.content_type, reply.body) == (409, "text/x.tlog.size", b"7\n")


def test_a_redirect_is_not_followed() -> None:
    data = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with speaking(answering(data)) as port:
        assert OPEN.get(f"http://127.0.0.1:{port}/").status == 302


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "10.1.2.3", "192.168.0.1",
     "169.254.169.254", "172.16.0.1", "100.64.0.1", "0.0.0.0", "224.0.0.1", "[fe80::1]",
     "[fd00::1]", "[ff02::1]", "2130706433", "0x7f000001"],
)  # fmt: skip
def test_private_addresses_in_every_spelling_are_refused(host: str) -> None:
    with pytest.raises(Unreachable, match=r"SUMUN_OUTBOUND_NETWORKS|no address"):
        Outbound().get(f"http://{host}:8401/")


def test_the_address_that_was_checked_is_the_one_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that changes its mind after the check gains nothing."""
    answers = iter(["93.184.215.14", "127.0.0.1"])
    connected: list[str] = []

    def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", (next(answers), 80))]

    def connect(address: tuple[str, int], *_: object) -> socket.socket:
        connected.append(address[0])
        raise OSError("not here")

    monkeypatch.setattr(outbound.socket, "getaddrinfo", resolve)
    monkeypatch.setattr(outbound.socket, "create_connection", connect)

    with pytest.raises(Unreachable):
        Outbound().get("http://rebinding.example/")
    assert connected == ["93.184.215.14"]


@pytest.mark.parametrize(
    "url",
    ["", "ftp://127.0.0.1/", "http://", "http://user@127.0.0.1/", "http://127.0.0.1:x/",
     "http://127.0.0.1:99999/", "http://127.0.0.1/a b", "http://127.0.0.1/\r\nX: y", "file:///etc"],
)  # fmt: skip
def test_what_is_no_http_address_is_unreachable(url: str) -> None:
    with pytest.raises(Unreachable):
        OPEN.get(url)


def test_an_answer_without_end_is_cut_off() -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    with (
        speaking(answering(head + b"x" * (MAX_ANSWER_BYTES + 5))) as port,
        pytest.raises(Unreachable, match="longer"),
    ):
        OPEN.get(f"http://127.0.0.1:{port}/")


def test_a_slow_answer_is_cut_off_as_a_whole() -> None:
    def drip(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            peer.sendall(b"x")
            time.sleep(0.1)

    began = time.monotonic()
    with speaking(drip) as port, pytest.raises(Unreachable):
        Outbound(LOOPBACK, seconds=0.3).get(f"http://127.0.0.1:{port}/")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "data",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"],
)
def test_an_answer_that_is_no_http_or_breaks_off_is_unreachable(data: bytes) -> None:
    with speaking(answering(data)) as port, pytest.raises(Unreachable):
        OPEN.get(f"http://127.0.0.1:{port}/")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key, signed by itself."""
    key, name = Ed25519PrivateKey.generate(), x509.Name([])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True
        )
        .sign(key, None)
    )
    assert isinstance(made.signature_hash_algorithm, hashes.HashAlgorithm | None)
    encoding = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    files[0].write_bytes(made.public_bytes(encoding))
    files[1].write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
    return files


@pytest.mark.parametrize("trusted", [True, False])
def test_https_needs_a_certificate_that_is_trusted(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    def talk(peer: socket.socket) -> None:
        with context.wrap_socket(peer, server_side=True) as safe:
            answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")(safe)

    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with speaking(talk) as port:
        url = f"https://127.0.0.1:{port}/"
        if trusted:
            assert OPEN.get(url).body == b"ok"
        else:
            with pytest.raises(Unreachable, match="certificate"):
                OPEN.get(url)
