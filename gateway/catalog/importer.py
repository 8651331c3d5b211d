"""Imports a folder as a version: streams, goes on after a kill, reports what it refuses.

Every file is copied into the store while its digest is computed; then the manifest and its
look-up file are written, and one transaction makes them the version's and asks for its scan.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.catalog import manifest, service_versions
from gateway.catalog.folder import Fault, Found, Refusal, Refused, open_inside, printable, walk
from gateway.catalog.import_journal import Done, ImportJournal, Stamp
from gateway.catalog.service_versions import Imported
from gateway.errors import OperatorError
from gateway.journal import Actor
from gateway.runtime import Runtime
from gateway.storage import Store
from gateway.storage.store import CHUNK_BYTES, Staging


@dataclass(slots=True)
class Progress:
    """How far an import has come: files copied, kept from an earlier run, refused; bytes read."""

    copied: int = 0
    kept: int = 0
    refused: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import has done; `imported` names manifest and index."""

    imported: Imported
    progress: Progress


@dataclass(frozen=True, slots=True)
class Watch:
    """Who hears about each refused file, and about progress after each file."""

    refused: Callable[[Refused], None] = lambda _refused: None
    progress: Callable[[Progress], None] = lambda _progress: None


def import_folder(
    runtime: Runtime,
    actor: Actor,
    folder: Path,
    slug: str,
    label: str,
    *,
    strict: bool = False,
    watch: Watch | None = None,
) -> Outcome:
    """Import `folder` as version `label` of the dataset `slug`, and ask for its scan.

    A refused file is reported and left out; with `strict` it stops the import after the walk.
    Raises OperatorError (not a folder, nothing to import, strict), Problem (unknown dataset, a
    version that is no draft), StoreUnavailable. Started again, it goes on where it stopped.
    """
    root = _root(folder)
    service_versions.check_label(label)
    imports = runtime.settings.home / "imports"
    # A journal left by a kill means that even the version's last step may be done already.
    if not (imports / f"{slug}@{label}.jsonl").exists():
        service_versions.check_importable(runtime, slug, label)
    runtime.store.sweep()
    with ImportJournal(imports, f"{slug}@{label}") as journal:
        run = Run(runtime.store, root, journal, watch or Watch())
        imported = run.imported(strict=strict)
        service_versions.finish_import(runtime, actor, slug, label, imported)
        journal.forget()
    return Outcome(imported, run.progress)


def _root(folder: Path) -> Path:
    try:
        root = folder.resolve(strict=True)
    except OSError as error:
        raise OperatorError(f"{folder}: {error.strerror}") from error
    if not root.is_dir():
        raise OperatorError(f"{folder} is not a folder")
    return root


class Run:
    """One walk over a folder into the store."""

    def __init__(self, store: Store, root: Path, journal: ImportJournal, watch: Watch) -> None:
        self._store = store
        self._root = root
        self._journal = journal
        self._watch = watch
        self.progress = Progress()

    def imported(self, *, strict: bool) -> Imported:
        """Copy what is new and write manifest and index. Raises OperatorError, StoreUnavailable."""
        for entry in walk(self._root):
            self._take(entry)
        for source in self._journal.refuse_same_paths():
            self._refuse(Refused(printable(source), Fault.DUPLICATE_NAME))
        self._journal.sync()
        items, size = self._journal.totals()
        self._check(items, strict=strict)
        stored = manifest.write(self._store, self._journal.items())
        index = manifest.write_index(self._store, self._journal.items())
        return Imported(stored.sha256, index.sha256, items, size, self.progress.refused)

    def _check(self, items: int, *, strict: bool) -> None:
        refused = self.progress.refused
        if strict and refused:
            raise OperatorError(f"{refused} files were refused, so nothing was imported (--strict)")
        if not items:
            raise OperatorError(f"{self._root} holds no file that can be imported")

    def _take(self, entry: Found | Refused) -> None:
        try:
            if isinstance(entry, Refused):
                self._refuse(entry)
            else:
                self._copy(entry)
        except Refusal as error:
            self._refuse(Refused(printable(entry.source), error.fault))
        self._watch.progress(self.progress)

    def _refuse(self, refused: Refused) -> None:
        self.progress.refused += 1
        self._watch.refused(refused)

    def _copy(self, found: Found) -> None:
        descriptor = open_inside(self._root, found.source)
        try:
            stamp = Stamp.of(os.fstat(descriptor))
            known = self._journal.known(found.source, stamp)
            if known is not None and self._store.exists(known):
                self._journal.keep(found.source)
                self.progress.kept += 1
                return
            self._journal.add(self._stored(found, descriptor, stamp))
        finally:
            os.close(descriptor)

    def _stored(self, found: Found, descriptor: int, stamp: Stamp) -> Done:
        with self._store.stage() as staging:
            self._read(descriptor, staging)
            if Stamp.of(os.fstat(descriptor)) != stamp or staging.size != stamp.size:
                raise Refusal(Fault.CHANGED_WHILE_READ)
            staged = staging.finish()
            self._store.commit(staged)
        self.progress.copied += 1
        return Done(found.source, found.path, staged.sha256, stamp)

    def _read(self, descriptor: int, staging: Staging) -> None:
        while block := self._block(descriptor):
            staging.write(block)
            self.progress.bytes += len(block)

    def _block(self, descriptor: int) -> bytes:
        try:
            return os.read(descriptor, CHUNK_BYTES)
        except OSError:
            raise Refusal(Fault.UNREADABLE) from None
