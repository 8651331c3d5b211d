"""A TCP link to a server's UNIX socket that can fall silent, as after a failover or a firewall."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class SilentLink:
    """Forwards what connections say; those open at a `cut` are swallowed, never closed."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._door = socket.create_server(("127.0.0.1", 0))
        self._cuts = 0
        self._open: list[socket.socket] = [self._door]
        self.port = int(self._door.getsockname()[1])

    def cut(self) -> None:
        """Let every connection that is open now fall silent; new ones work."""
        self._cuts += 1

    def run(self) -> None:
        """Take connections until closed."""
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._target))
            self._open += [client, server]
            forward = threading.Thread(target=self._forward, args=(client, server, self._cuts))
            forward.daemon = True
            forward.start()

    def close(self) -> None:
        """End everything."""
        for one in self._open:
            _end(one)

    def _forward(self, client: socket.socket, server: socket.socket, cuts: int) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in selector.select():
                    data = _receive(key.fileobj)
                    if not data:
                        return
                    if cuts == self._cuts:
                        key.data.sendall(data)


def _end(one: socket.socket) -> None:
    """Shut a socket down, which wakes whoever waits for it, and close it."""
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def _receive(one: object) -> bytes:
    assert isinstance(one, socket.socket)
    try:
        return one.recv(1 << 16)
    except OSError:
        return b""


@contextmanager
def silent_link(folder: Path) -> Iterator[SilentLink]:
    """A link to the PostgreSQL server whose socket lies in `folder`."""
    target = next(path for path in folder.glob(".s.PGSQL.*") if path.suffix != ".lock")
    link = SilentLink(target)
    thread = threading.Thread(target=link.run)
    thread.start()
    try:
        yield link
    finally:
        link.close()
        thread.join()
