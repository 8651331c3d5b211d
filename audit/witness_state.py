"""What a witness remembers: a folder with the newest cosigned checkpoint of each log.

One file a log, replaced whole and synchronised before anything is promised on its strength.
Signed checkpoints that did not fit are kept as evidence beside it, a limited number of each kind:
what proves by itself that the log has two histories is never replaced by what proves nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import threading
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from audit.checkpoint import parse_text
from audit.errors import NoteMalformed, StateDamaged
from audit.note import Note, parse_note

EVIDENCE = "evidence"
MAX_EVIDENCE = 100


class Kind(StrEnum):
    """Why a checkpoint is kept as evidence.

    FORK: it contradicts the held one, and this can be checked; only the log's key makes such.
    REFUSED: its proof shows nothing; anybody may send a genuine checkpoint with a wrong one.
    FORGOTTEN: the witness's operator began afresh.
    """

    FORK = "fork"
    REFUSED = "refused"
    FORGOTTEN = "forgotten"


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

    def keep(self, kind: Kind, note: Note | None, proof: Sequence[bytes] = ()) -> None:
        """Keep a checkpoint, and the proof that came with it, beside the held one.

        `note` carries only lines that were verified. One file stands for one pair of texts.
        """
        folder = self._folder / EVIDENCE
        folder.mkdir(exist_ok=True, mode=0o700)
        held, lines = self.note or "", "".join(f"{b64encode(one).decode()}\n" for one in proof)
        name = hashlib.sha256(f"{_body(held)}\n{note.text if note else ''}".encode()).hexdigest()
        path = folder / f"{kind}-{name[:32]}.txt"
        if not path.exists() and _room(folder, kind):
            text = f"{held}\n{note or ''}"
            write_durably(path, f"{text}\n{lines}" if lines else text)


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
                held.keep(Kind.FORGOTTEN, None)
                (self._folder / f"{file_name(origin)}.checkpoint").unlink()
                _sync(self._folder)
            return held.note


def _room(folder: Path, kind: Kind) -> bool:
    """Whether one more of a kind may be kept.

    Any fork proves as much as any other, so the first stay. Of what proves nothing the newest
    stay: a log that goes on with another history sends it again and again.
    """
    kept = sorted(folder.glob(f"{kind}-*.txt"), key=lambda path: path.stat().st_mtime_ns)
    if kind is Kind.FORGOTTEN or len(kept) < MAX_EVIDENCE:
        return True
    if kind is Kind.REFUSED:
        kept[0].unlink()
    return kind is Kind.REFUSED


def _body(note: str) -> str:
    return parse_note(note).text if note else ""


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
