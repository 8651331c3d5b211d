from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from gateway.catalog import manifest
from gateway.catalog.service_versions import find_version
from gateway.runtime import Runtime
from tests import deliveries

FILES = 700
KILLS = (60, 400)


def start(runtime: Runtime, root: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "SUMUN_HOME": str(runtime.settings.home),
        "SUMUN_DATABASE_URL": runtime.settings.database,
    }
    command = [sys.executable, "-m", "gateway.cli.main", "catalog", "import", str(root)]
    names = ["--dataset", "korean-letters", "--version", "v1", "--json"]
    return subprocess.Popen(
        [*command, *names], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def kill_after(process: subprocess.Popen[bytes], journal: Path, lines: int) -> None:
    """Kill -9 once the journal has `lines` lines; nobody may have finished before."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the import ended before it was killed"
        if journal.exists() and journal.read_bytes().count(b"\n") >= lines:
            break
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_an_import_killed_again_and_again_loses_nothing(runtime: Runtime, tmp_path: Path) -> None:
    deliveries.dataset(runtime)
    files = {f"폴더 {n % 7}/{n:05d}.txt": f"content {n}" for n in range(FILES)}
    root = deliveries.folder(tmp_path, files)
    journal = runtime.settings.home / "imports" / "korean-letters@v1.jsonl"
    for lines in KILLS:
        kill_after(start(runtime, root), journal, lines)
    answer, _error = start(runtime, root).communicate()
    summary = json.loads(answer)
    assert (summary["items"], summary["copied"] + summary["kept"]) == (FILES, FILES)
    # What was noted before a kill is never copied again.
    assert summary["kept"] >= KILLS[-1]
    with runtime.db.read() as session:
        version = find_version(session, "korean-letters", "v1")[1]
    stored = {
        item.path: runtime.store.read(item.sha256, 0, item.size).decode()
        for item in manifest.read(runtime.store, version.manifest_sha256 or "")
    }
    assert stored == files
    assert not journal.exists()
