"""Calls to other hosts: public addresses only, unless a private network is configured.

The address that was checked is the one connected to, so a name that changes its mind between the
two gains nothing. Redirects are not followed, and answers are bounded in size and time.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MAX_ANSWER_BYTES = 1 << 20
SECONDS = 10.0
PLAIN = "text/plain; charset=utf-8"
HTTP_PORTS = {"http": 80, "https": 443}


class Unreachable(Exception):
    """The call could not be made or did not end; the message says why."""


class Unnamed(Unreachable):
    """The name has no address."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of any status; `content_type` is lower case without parameters."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Outbound:
    """Makes calls. `allowed` are the private networks that may be reached."""

    allowed: Sequence[Network] = ()
    seconds: float = SECONDS

    def post(self, url: str, body: bytes, kind: str = PLAIN) -> Reply:
        """POST a body of the media type `kind`. Raises Unreachable."""
        return self.send("POST", url, body, {"Content-Type": kind})

    def get(self, url: str) -> Reply:
        """GET. Raises Unreachable."""
        return self.send("GET", url, None, {})

    def check(self, url: str) -> None:
        """Whether calls may be made there. A name without an address may get one later.

        Raises Unreachable for what is no http address, and for a private one that is not allowed.
        """
        try:
            host, port = _target(url)
            self._address(host, port)
        except ValueError as error:
            raise Unreachable(f"{url} is no http address") from error
        except Unnamed:
            return

    def send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """One call with headers of the caller's. Raises Unreachable."""
        try:
            connection, target = self._connection(url)
        except ValueError as error:
            raise Unreachable(f"{url} is no http address") from error
        try:
            with _ends_after(connection, 2 * self.seconds) as cut:
                connection.request(method, target, body, {"User-Agent": "sumun", **headers})
                answer = connection.getresponse()
                data = answer.read(MAX_ANSWER_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{url}: {error or type(error).__name__}") from error
        finally:
            connection.close()
        if cut.is_set() or (answer.length and len(data) <= MAX_ANSWER_BYTES):
            raise Unreachable(f"{url}: the answer broke off")
        if len(data) > MAX_ANSWER_BYTES:
            raise Unreachable(f"{url}: the answer is longer than {MAX_ANSWER_BYTES} bytes")
        kind = (answer.getheader("Content-Type") or "").partition(";")[0].strip().lower()
        return Reply(answer.status, kind, data)

    def _connection(self, url: str) -> tuple[http.client.HTTPConnection, str]:
        """A connection whose socket goes to a checked address. Raises ValueError, Unreachable."""
        parts, (host, port) = urlsplit(url), _target(url)
        address = self._address(host, port)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        kind = _Tls if parts.scheme == "https" else _Plain
        return kind(host, port, address, self.seconds), target

    def _address(self, host: str, port: int) -> str:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Unnamed(f"{host}: the name has no address") from error
        addresses = [str(one[4][0]).partition("%")[0] for one in found]
        for address in addresses:
            if self._may_reach(address):
                return address
        raise Unreachable(
            f"{host} is at a private address that SUMUN_OUTBOUND_NETWORKS does not name; set it "
            f"to the network it is in, such as {ipaddress.ip_network(addresses[0])}"
        )

    def _may_reach(self, text: str) -> bool:
        address = ipaddress.ip_address(text)
        mapped = getattr(address, "ipv4_mapped", None)
        address = mapped or address
        public = address.is_global and not address.is_multicast
        return public or any(address in network for network in self.allowed)


def _target(url: str) -> tuple[str, int]:
    """Host and port of an http address. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in HTTP_PORTS or not parts.hostname or parts.username is not None:
        raise ValueError(url)
    return parts.hostname, parts.port or HTTP_PORTS[parts.scheme]


@contextmanager
def _ends_after(
    connection: http.client.HTTPConnection, seconds: float
) -> Iterator[threading.Event]:
    """Cut a call off as a whole: time-outs of single reads let a slow sender go on for ever."""
    was_cut = threading.Event()

    def cut() -> None:
        was_cut.set()
        with suppress(OSError):
            if connection.sock is not None:
                connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield was_cut
    finally:
        timer.cancel()


class _Plain(http.client.HTTPConnection):
    """HTTP to an address that was looked up before."""

    def __init__(self, host: str, port: int, address: str, seconds: float) -> None:
        super().__init__(host, port, timeout=seconds)
        self._address = address

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)


class _Tls(http.client.HTTPSConnection):
    """HTTPS to an address that was looked up before; the certificate is for the name."""

    def __init__(self, host: str, port: int, address: str, seconds: float) -> None:
        self._trust = ssl.create_default_context()
        super().__init__(host, port, timeout=seconds, context=self._trust)
        self._address = address

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = self._trust.wrap_socket(plain, server_hostname=self.host)
