"""Fresh SQLite files from a migrated template."""

from __future__ import annotations

import shutil
from pathlib import Path


def copy(template: Path, folder: Path) -> Path:
    """A copy of the template in `folder`."""
    return Path(shutil.copyfile(template, folder / "sumun.db"))
