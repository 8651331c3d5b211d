"""Downloads a selection of a version: several files at a time, picked up after a kill.

What is done is written to a journal beside the files, one synced line each, so that a second run
asks only for the rest; a file that was changed or removed since is fetched again.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.client.errors import ClientError, Refused, Unreachable
from gateway.client.fetch import Fetched, Fetcher
from gateway.client.http import Api, Item, SignedUrl
from gateway.client.patience import patiently
from gateway.client.places import journal_of, place, wanted

MAX_QUEUED = 64


@dataclass(frozen=True, slots=True)
class Selection:
    """What to download: a version's files that match one of `patterns` (none: all of them)."""

    slug: str
    version: str
    patterns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """How one file went: `error` is empty for a whole, verified one; `remedy` says what would
    change what the gateway refused."""

    path: str
    bytes: int
    sha256: str
    skipped: bool
    error: str
    remedy: str = ""


# What every further file would meet as well.
ENDING = frozenset({"not_signed_in", "insufficient_user_authentication"})
Report = Callable[[Result], None]
Progress = Callable[[int], None]


class Journal:
    """Which files of one version are whole, as `path, sha256, size, mtime_ns` lines."""

    def __init__(self, folder: Path, selection: Selection) -> None:
        self._path = journal_of(folder, selection.slug, selection.version)
        self._lock = threading.Lock()
        self._done = dict(self._read())

    def has(self, item: Item, target: Path) -> str | None:
        """The digest of `item` if it is whole on disk and untouched since."""
        digest, size, touched = self._done.get(item.path, ("", -1, -1))
        if size != item.size or (item.sha256 and digest != item.sha256):
            return None
        try:
            found = target.stat()
        except OSError:
            return None
        return digest if (found.st_size, found.st_mtime_ns) == (size, touched) else None

    def add(self, path: str, fetched: Fetched) -> None:
        """Remember a whole file, durably."""
        touched = fetched.path.stat().st_mtime_ns
        # Begun on a new line: the last one may have been cut off by a kill.
        line = f"\n{json.dumps([path, fetched.sha256, fetched.size, touched])}\n"
        with self._lock, self._path.open("ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def _read(self) -> Iterator[tuple[str, tuple[str, int, int]]]:
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                path, digest, size, touched = json.loads(line)
                found = str(path), (str(digest), int(size), int(touched))
            except (ValueError, TypeError):
                # A kill in the middle of a line costs one more look at one file.
                continue
            yield found


class Download:
    """One run over a selection into `folder`."""

    def __init__(
        self, api: Api, fetcher: Fetcher, selection: Selection, folder: Path, progress: Progress
    ) -> None:
        self._api, self._fetcher = api, fetcher
        self._selection, self._folder = selection, folder
        self._progress = progress
        folder.mkdir(parents=True, exist_ok=True)
        self._journal = Journal(folder, selection)

    def run(self, jobs: int, report: Report) -> int:
        """Fetch with `jobs` at a time; returns how many files failed.

        A file that fails is reported and does not stop the others. Raises Unreachable when the
        gateway stays away, Refused when the session has ended or the list is refused; running
        again then goes on.
        """
        failed = 0
        pool = ThreadPoolExecutor(jobs)
        try:
            for result in self._results(pool):
                report(result)
                failed += bool(result.error)
        finally:
            pool.shutdown(cancel_futures=True)
        return failed

    def _results(self, pool: ThreadPoolExecutor) -> Iterator[Result]:
        """Results as they come; the queue stays short, so millions of files need no memory."""
        running: set[Future[Result]] = set()
        for item in self._api.items(self._selection.slug, self._selection.version):
            if not wanted(item.path, self._selection.patterns):
                continue
            running.add(pool.submit(self._one, item))
            if len(running) >= MAX_QUEUED:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        yield from (future.result() for future in wait(running).done)

    def _one(self, item: Item) -> Result:
        try:
            return self._fetched(item)
        except (ClientError, OSError) as error:
            if _ends_all(error):
                raise
            remedy = error.remedy if isinstance(error, Refused) else ""
            return Result(item.path, item.size, item.sha256 or "", False, str(error), remedy)

    def _fetched(self, item: Item) -> Result:
        target = place(self._folder, item.path)
        known = self._journal.has(item, target)
        if known is not None:
            self._progress(item.size)
            return Result(item.path, item.size, known, True, "")
        target.parent.mkdir(parents=True, exist_ok=True)
        fetched = self._fetcher.fetch(lambda: self._issue(item), target, self._progress)
        self._journal.add(item.path, fetched)
        return Result(item.path, fetched.size, fetched.sha256, False, "")

    def _issue(self, item: Item) -> SignedUrl:
        chosen = self._selection
        return patiently(lambda: self._api.issue_url(chosen.slug, item.path, chosen.version))


def _ends_all(error: Exception) -> bool:
    """Whether every other file would fail for the same reason."""
    ended = isinstance(error, Refused) and error.code in ENDING
    return ended or isinstance(error, Unreachable)


def as_json(result: Result) -> dict[str, object]:
    """A result as `--json` prints it."""
    return asdict(result)
