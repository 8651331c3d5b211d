"""Files under the paths a person names: folders recursed, links inside them not followed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def files(paths: tuple[Path, ...]) -> Iterator[Path]:
    """Yield every entry that is not a folder, in order of name.

    A link named on the command line is followed; one met in a folder is not, since what it points
    at is not in that folder. A folder that cannot be listed is yielded itself: to be reported.
    """
    for path in paths:
        if path.is_dir():
            yield from _below(path)
        else:
            yield path


def _below(folder: Path) -> Iterator[Path]:
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        yield folder
        return
    for entry in entries:
        if entry.is_symlink():
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _below(folder / entry.name)
        else:
            yield folder / entry.name
