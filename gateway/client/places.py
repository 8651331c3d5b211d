"""Where files go on the reader's disk: below the folder they named, and nowhere else."""

from __future__ import annotations

import hashlib
import unicodedata
from fnmatch import fnmatchcase
from pathlib import Path

from gateway.client.errors import ClientError

PART, JOURNAL = ".part", ".sumun-journal"
# What the common file systems take as the name of one file, in bytes of UTF-8.
LONGEST_NAME = 255


def place(folder: Path, path: str) -> Path:
    """The file for the dataset path `path` below `folder`, its name in NFC.

    Raises ClientError for a path that would leave the folder, also through a symbolic link that
    is already there.
    """
    parts = unicodedata.normalize("NFC", path).split("/")
    if any(not _plain(part) for part in parts) or parts[0].startswith(JOURNAL):
        raise ClientError(f"the gateway names a file that would leave the folder: {path!r}")
    target = folder.joinpath(*parts)
    root = folder.resolve()
    if not target.parent.resolve().is_relative_to(root) or target.is_symlink():
        raise ClientError(f"{target} leads out of {folder} through a link; remove the link")
    return target


def part_of(target: Path, sha256: str) -> Path:
    """Where the bytes of `target` gather until they are whole.

    Korean names may be so long that nothing can be added; then a digest stands for the name.
    """
    ending = f".{sha256[:12]}{PART}"
    if len((target.name + ending).encode()) <= LONGEST_NAME:
        return target.with_name(target.name + ending)
    return target.with_name(hashlib.sha256(target.name.encode()).hexdigest()[:32] + ending)


def journal_of(folder: Path, slug: str, version: str) -> Path:
    """The journal of one version. Raises ClientError for names that would leave the folder."""
    name = f"{JOURNAL}-{slug}@{version}.jsonl"
    if "/" in name or not _plain(name):
        raise ClientError(f"the gateway names a version that would leave the folder: {version!r}")
    return folder / name


def wanted(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether `path` matches one of the shell patterns (all of it), or lies below a folder."""
    if not patterns:
        return True
    names = (unicodedata.normalize("NFC", each).rstrip("/") for each in patterns)
    return any(fnmatchcase(path, name) or path.startswith(name + "/") for name in names)


def _plain(part: str) -> bool:
    return part not in {"", ".", ".."} and "\\" not in part and part.isprintable()
