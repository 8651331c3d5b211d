"""What a witness remembers: a folder with the newest cosigned checkpoint of each log.

One file a log, replaced whole and synchronised before anything is promised on its strength.
Signed checkpoints that did not fit are kept as evidence beside it, a limited number of them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audit.checkpoint import parse_text
from audit.errors import NoteMalformed, StateDamaged
from audit.note import parse_note

EVIDENCE = "evidence"
MAX_EVIDENCE = 100


class Held:
    """The state of one log, while its lock is held. `note` is None before the first cosignature."""

    def __init__(self, folder: Path, origin: str) -> None:
        self._folder = folder
        self._path = folder / f"{file_name(origin)}.checkpoint"
        self.note = _read(self._path)
        self.size, self.root = _size_and_root(self.note, origin, self._path)

    def replace(self, note: str) -> None:
        """Make `note` the newest cosigned checkpoint, durably."""
        write_durably(self._path, note)
        self.note = note

    def keep(self, kind: str, note: str) -> None:
        """Keep a refused checkpoint together with the one it contradicts."""
        folder = self._folder / EVIDENCE
        folder.mkdir(exist_ok=True, mode=0o700)
        text = f"{self.note or ''}\n{note}"
        path = folder / f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.txt"
        # Anybody may send a genuine checkpoint with a wrong proof, so what is kept is limited.
        if not path.exists() and len(list(folder.iterdir())) < MAX_EVIDENCE:
            write_durably(path, text)


class WitnessState:
    """The folder of one witness, shared by its threads and processes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._lock = threading.Lock()

    @contextmanager
    def held(self, origin: str) -> Iterator[Held]:
        """Lock the state and read what is held of a log. Raises StateDamaged, OSError."""
        with self._lock, (self._folder / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield Held(self._folder, origin)

    def forget(self, origin: str) -> str | None:
        """Set aside what is held of a log, after a restore; returns the checkpoint, or None."""
        with self.held(origin) as held:
            if held.note is not None:
                held.keep("forgotten", "")
                (self._folder / f"{file_name(origin)}.checkpoint").unlink()
                _sync(self._folder)
            return held.note


def file_name(origin: str) -> str:
    """Return the name under which a log's files are kept: an origin may hold slashes."""
    return hashlib.sha256(origin.encode()).hexdigest()


def write_durably(path: Path, text: str) -> None:
    """Replace a file whole: after a crash there is the old text or the new one."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    with partial.open("wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise StateDamaged(f"{path} is damaged") from error


def _size_and_root(note: str | None, origin: str, path: Path) -> tuple[int, bytes]:
    if note is None:
        return 0, b""
    try:
        held = parse_text(parse_note(note).text)
    except NoteMalformed as error:
        raise StateDamaged(f"{path} is damaged: {error}") from error
    if held.origin != origin:
        raise StateDamaged(f"{path} is of another log")
    return held.size, held.root
