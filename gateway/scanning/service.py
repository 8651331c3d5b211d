"""The scanner as everyone else sees it: a context manager over a warm, sandboxed process."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from gateway.scanning import protocol, sandbox
from gateway.scanning.model import (
    LANGUAGES,
    FileReport,
    Reason,
    RedactError,
    ScanError,
    judge,
    unscannable_report,
)
from gateway.scanning.protocol import ProtocolError, Request, Silence, Task
from gateway.scanning.sandbox import Protection

__all__ = ["Scanner", "judge"]

_START_SECONDS = 120
_BASE_SECONDS = 60
# Far below the slowest reader: a file that takes longer than this is stuck.
_BYTES_PER_SECOND = 20_000
_GRACE_SECONDS = 5
_HELLO_BYTES = 8_192


class Scanner:
    """Owns the zygote. Safe to share between threads; each call runs in its own child.

    Use as a context manager. A zygote that died is started again by the next call.
    """

    def __init__(self, base_seconds: int = _BASE_SECONDS) -> None:
        """`base_seconds` is the time any file may take; larger files get more by their size."""
        self._base_seconds = base_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self.protections: tuple[Protection, ...] = ()

    def __enter__(self) -> Self:
        """Start the zygote and wait until it is warm. Raises `ScanError`."""
        with self._lock:
            self._started()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the zygote and every child of it."""
        with self._lock:
            self._stop()

    @property
    def confined(self) -> bool:
        """Whether every protection holds on this host; where not, sensitive files are held."""
        return bool(self.protections) and all(p.available for p in self.protections)

    def scan(
        self,
        source: BinaryIO | Path | str,
        name: str | None = None,
        languages: Sequence[str] = LANGUAGES,
    ) -> FileReport:
        """Scan one file, given as a path or as an open binary file, and report under `name`.

        Never raises for what a file holds: what cannot be inspected is reported UNSCANNABLE.
        Raises `ScanError` where the scanner itself cannot run, `ValueError` for a language
        outside `model.LANGUAGES`.
        """
        if not languages or set(languages) - set(LANGUAGES):
            raise ValueError(f"languages must be some of {', '.join(LANGUAGES)}")
        path = _printable(name if name is not None else _name_of(source))
        try:
            descriptor = _open(source)
        except OSError:
            return unscannable_report(path, 0, Reason.UNREADABLE)
        try:
            return self._scan(descriptor, path, tuple(languages))
        finally:
            os.close(descriptor)

    def redact_dicom(self, source: Path, target: Path, key: bytes) -> None:
        """De-identify a DICOM file into `target`, which appears only when it is whole.

        Raises `RedactError` for a file that cannot be read or written as DICOM, `OSError` for
        paths that cannot be opened, `ScanError` where the scanner cannot run.
        """
        with source.open("rb") as file, tempfile.TemporaryFile() as out:
            seconds = self._seconds(os.fstat(file.fileno()).st_size)
            request = Request(Task.REDACT_DICOM, "", 0, (), seconds, key.hex())
            try:
                answer = self._ask(request, [file.fileno()], [out.fileno()])
            except (TimeoutError, ProtocolError) as error:
                raise RedactError(Reason.PARSER_DIED) from error
            if answer is not None:
                raise RedactError(_reason(answer))
            _publish(out, target)

    def _scan(self, descriptor: int, path: str, languages: tuple[str, ...]) -> FileReport:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            return unscannable_report(path, 0, Reason.NOT_A_REGULAR_FILE)
        size = before.st_size
        request = Request(Task.SCAN, path, size, languages, self._seconds(size))
        report = self._answered(request, descriptor)
        after = os.fstat(descriptor)
        if (after.st_size, after.st_mtime_ns) != (size, before.st_mtime_ns):
            return unscannable_report(path, size, Reason.CHANGED_WHILE_READ)
        return report

    def _answered(self, request: Request, descriptor: int) -> FileReport:
        path, size, begun = request.path, request.size, time.monotonic()
        try:
            answer = self._ask(request, [descriptor], [])
            return protocol.report_from_wire(answer, path, size)
        except TimeoutError:
            return unscannable_report(path, size, Reason.TIMED_OUT)
        except Silence:
            late = time.monotonic() - begun >= request.seconds
            return unscannable_report(path, size, Reason.TIMED_OUT if late else Reason.PARSER_DIED)
        except ProtocolError:
            return unscannable_report(path, size, Reason.MALFORMED_ANSWER)

    def _ask(self, request: Request, given: list[int], out: list[int]) -> object:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours:
            with theirs:
                self._send(request.encode(), [*given, theirs.fileno(), *out])
            ours.settimeout(request.seconds + _GRACE_SECONDS)
            return protocol.receive_frame(ours)

    def _send(self, data: bytes, descriptors: list[int]) -> None:
        with self._lock:
            try:
                socket.send_fds(self._started(), [data], descriptors)
            except OSError:
                self._stop()
                socket.send_fds(self._started(), [data], descriptors)

    def _seconds(self, size: int) -> int:
        return self._base_seconds + size // _BYTES_PER_SECOND

    def _started(self) -> socket.socket:
        if self._control is not None and self._process and self._process.poll() is None:
            return self._control
        self._stop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", "gateway.scanning.zygote", str(theirs.fileno())]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=sandbox.environment(),
                pass_fds=[theirs.fileno()],
            )
        self._control = ours
        self.protections = self._hello(ours)
        return ours

    def _hello(self, control: socket.socket) -> tuple[Protection, ...]:
        control.settimeout(_START_SECONDS)
        try:
            lines = control.recv(_HELLO_BYTES).decode().splitlines()
        except OSError:
            lines = []
        control.settimeout(None)
        if not lines:
            self._stop()
            raise ScanError("the scanner's engines did not start; install sumun with [scan]")
        return tuple(_protection(line) for line in lines)

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._control = self._process = None


def _protection(line: str) -> Protection:
    name, available, detail = line.split("\t", 2)
    return Protection(name, available == "1", detail)


def _reason(answer: object) -> Reason:
    return Reason.CORRUPT_DICOM if answer == Reason.CORRUPT_DICOM else Reason.MALFORMED_ANSWER


def _name_of(source: BinaryIO | Path | str) -> str:
    return str(source if isinstance(source, str | Path) else getattr(source, "name", ""))


def _printable(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _open(source: BinaryIO | Path | str) -> int:
    """Return a read-only descriptor of its own, at offset 0. Never blocks on a FIFO."""
    if isinstance(source, str | Path):
        return os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.open(f"/proc/self/fd/{source.fileno()}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return _copied(source)


def _copied(source: BinaryIO) -> int:
    """A file object without a descriptor (bytes in memory) goes through a nameless file."""
    with tempfile.TemporaryFile() as held:
        source.seek(0)
        shutil.copyfileobj(source, held)
        held.flush()
        return os.open(f"/proc/self/fd/{held.fileno()}", os.O_RDONLY | os.O_CLOEXEC)


def _publish(out: BinaryIO, target: Path) -> None:
    """Copy beside the target and rename, so that no half file ever bears its name."""
    out.seek(0)
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as part:
        shutil.copyfileobj(out, part)
    Path(part.name).replace(target)
