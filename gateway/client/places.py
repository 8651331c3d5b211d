"""Where files go on the reader's disk: below the folder they named, and nowhere else."""

from __future__ import annotations

import unicodedata
from fnmatch import fnmatchcase
from pathlib import Path

from gateway.client.errors import ClientError

PART, JOURNAL = ".part", ".sumun-journal"


def place(folder: Path, path: str) -> Path:
    """The file for the dataset path `path` below `folder`, its name in NFC.

    Raises ClientError for a path that would leave the folder, also through a symbolic link that
    is already there.
    """
    parts = unicodedata.normalize("NFC", path).split("/")
    if any(not _plain(part) for part in parts):
        raise ClientError(f"the gateway names a file that would leave the folder: {path!r}")
    target = folder.joinpath(*parts)
    root = folder.resolve()
    if not target.parent.resolve().is_relative_to(root) or target.is_symlink():
        raise ClientError(f"{target} leads out of {folder} through a link; remove the link")
    return target


def wanted(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether `path` matches one of the shell patterns (all of it), or lies below a folder."""
    if not patterns:
        return True
    names = (unicodedata.normalize("NFC", each).rstrip("/") for each in patterns)
    return any(fnmatchcase(path, name) or path.startswith(name + "/") for name in names)


def _plain(part: str) -> bool:
    return part not in {"", ".", ".."} and "\\" not in part and part.isprintable()
