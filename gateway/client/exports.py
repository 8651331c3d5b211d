"""Exports as the client sees them: ask for packages, hand in results, fetch what was released."""

from __future__ import annotations

import os
import shutil
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.client.errors import ClientError
from gateway.client.fetch import Fetched, Fetcher, Progress
from gateway.client.http import Api, Item, SignedUrl, digest_of
from gateway.client.patience import patiently
from gateway.client.places import place

EXPORTS = "/api/v1/exports"
ZIP = "application/zip"
# The oldest time a ZIP file can hold: when a file was touched is nobody's business.
_TIME = (1980, 1, 1, 0, 0, 0)
_PLAIN_FILE = 0o100644 << 16


def package(
    api: Api, grant: str, patterns: Sequence[str], version: str | None, title: str
) -> dict[str, Any]:
    """Ask for a package of the grant's dataset; returns the export."""
    body = {"grant_id": grant, "patterns": list(patterns), "title": title}
    given = body | ({"version": version} if version else {})
    return api.call("POST", EXPORTS, json=given)


def submit(api: Api, grant: str, paths: Sequence[Path], title: str) -> dict[str, Any]:
    """Hand in a result: a ZIP file as it is, anything else packed into one.

    Raises ClientError for what is not a regular file or cannot be read.
    """
    with _packed(paths) as file, file.open("rb") as body:
        size = str(os.fstat(body.fileno()).st_size)
        headers = {"Content-Type": ZIP, "Content-Length": size}
        query = {"grant_id": grant, "title": title}
        return api.call("POST", f"{EXPORTS}/results", params=query, content=body, headers=headers)


def show(api: Api, export_id: str) -> dict[str, Any]:
    """One export."""
    return api.call("GET", f"{EXPORTS}/{export_id}")


def fetch(api: Api, fetcher: Fetcher, export_id: str, folder: Path, progress: Progress) -> Fetched:
    """Bring a released export's ZIP file into `folder`, whole and verified; resumes.

    Raises Refused when the gateway says no, ClientError when the file cannot be had whole.
    """
    first = _issue(api, export_id)
    target = place(folder, first.item.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    return fetcher.fetch(lambda: _issue(api, export_id), target, progress)


def _issue(api: Api, export_id: str) -> SignedUrl:
    found = patiently(lambda: api.call("POST", f"{EXPORTS}/{export_id}/url", json={}))
    try:
        item = Item(str(found["name"]), digest_of(found["sha256"]), int(found["size"]))
        return SignedUrl(str(found["url"]), str(found["expires_at"]), "", item)
    except (KeyError, TypeError, ValueError) as error:
        raise ClientError(f"{api.server} does not answer as a Sumun gateway") from error


@contextmanager
def _packed(paths: Sequence[Path]) -> Iterator[Path]:
    """The ZIP file to send; a packed one lives only as long as it is sent."""
    if len(paths) == 1 and paths[0].is_file() and paths[0].suffix.lower() == ".zip":
        yield paths[0]
        return
    with tempfile.TemporaryDirectory(prefix="sumun-") as folder:
        target = Path(folder) / "result.zip"
        try:
            _write(target, list(_members(paths)))
        except OSError as error:
            raise ClientError(f"cannot be packed: {error}") from error
        yield target


def _members(paths: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Every file with its name in the ZIP file, in NFC; a folder's name is left out."""
    for path in paths:
        if path.is_symlink() or not path.exists():
            raise ClientError(f"{path} is a link or is not there; name the file itself")
        if path.is_file():
            yield _name(path.name), path
            continue
        for found in sorted(path.rglob("*")):
            if found.is_symlink() or not (found.is_file() or found.is_dir()):
                raise ClientError(f"{found} is no regular file; leave it out or copy its content")
            if found.is_file():
                yield _name(found.relative_to(path).as_posix()), found


def _name(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _write(target: Path, members: Sequence[tuple[str, Path]]) -> None:
    if not members:
        raise ClientError("there is no file to hand in")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in members:
            info = zipfile.ZipInfo(name, _TIME)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, _PLAIN_FILE
            info.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(info, "w") as member:
                shutil.copyfileobj(source, member, 1 << 20)
