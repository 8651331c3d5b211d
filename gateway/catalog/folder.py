"""Walks a delivered folder and opens its files, trusting neither names nor links."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gateway.catalog.paths import PathInvalid, from_file_name


class Fault(StrEnum):
    """Why a file of the folder is not imported, besides the faults of its name."""

    SYMLINK_OUTSIDE = "symlink_outside"
    SYMLINK_BROKEN = "symlink_broken"
    SYMLINK_TO_FOLDER = "symlink_to_folder"
    NOT_A_FILE = "not_a_file"
    UNREADABLE = "unreadable"
    CHANGED_WHILE_READ = "changed_while_read"
    DUPLICATE_NAME = "duplicate_name"


class Refusal(Exception):
    """This file cannot be imported."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Found:
    """A file: its name as the operating system spells it, relative to the root, and its path."""

    source: str
    path: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that is not imported; `source` is made printable, `fault` is a stable code."""

    source: str
    fault: str


def walk(root: Path) -> Iterator[Found | Refused]:
    """Every file below `root`, depth first; memory grows with the depth alone.

    Folders behind links are not entered: they would repeat files or never end.
    """
    waiting = [_entries(root, "")]
    while waiting:
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
        elif isinstance(entry, Refused):
            yield entry
        else:
            yield from _visit(root, entry, waiting)


Entries = Iterator["tuple[str, os.DirEntry[str]] | Refused"]


def _visit(
    root: Path, named: tuple[str, os.DirEntry[str]], waiting: list[Entries]
) -> Iterator[Found | Refused]:
    source, entry = named
    try:
        path = from_file_name(source)
        if entry.is_dir(follow_symlinks=False):
            waiting.append(_entries(root, source))
        else:
            _check_kind(entry)
            yield Found(source, path)
    except PathInvalid as error:
        yield Refused(printable(source), error.fault)
    except Refusal as error:
        yield Refused(printable(source), error.fault)
    except OSError:
        yield Refused(printable(source), Fault.UNREADABLE)


def _entries(root: Path, folder: str) -> Entries:
    try:
        with os.scandir(root / folder) as entries:
            for entry in entries:
                yield (f"{folder}/{entry.name}" if folder else entry.name), entry
    except OSError:
        yield Refused(printable(folder) or ".", Fault.UNREADABLE)


def _check_kind(entry: os.DirEntry[str]) -> None:
    if entry.is_symlink():
        if entry.is_dir():
            raise Refusal(Fault.SYMLINK_TO_FOLDER)
    elif not entry.is_file(follow_symlinks=False):
        raise Refusal(Fault.NOT_A_FILE)


def open_inside(root: Path, source: str) -> int:
    """A descriptor of the regular file `source` below the resolved `root`.

    A link is followed only to a file that lies below `root` too. Raises Refusal.
    """
    try:
        descriptor = os.open(
            _resolved(root, root / source),
            os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC,
        )
    except OSError:
        raise Refusal(Fault.UNREADABLE) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Refusal(Fault.NOT_A_FILE)
    return descriptor


def _resolved(root: Path, file: Path) -> Path:
    if not file.is_symlink():
        return file
    try:
        target = file.resolve(strict=True)
    except (OSError, RuntimeError):
        raise Refusal(Fault.SYMLINK_BROKEN) from None
    if not target.is_relative_to(root):
        raise Refusal(Fault.SYMLINK_OUTSIDE)
    if not target.is_file():
        raise Refusal(Fault.NOT_A_FILE)
    return target


def printable(name: str) -> str:
    """`name` for a terminal: bytes that are not UTF-8 and control characters become escapes."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)
