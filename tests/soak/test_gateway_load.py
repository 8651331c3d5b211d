"""70,000 entries made by a running gateway under load: strangers accept them, and so do we."""

from __future__ import annotations

import http.client
import json
import random
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.integration.delivery.test_live_server import Live, live, settings
from tests.integration.evidence.test_publication import assert_a_stranger_accepts
from tests.integration.oversight.damage import drop_triggers, run

__all__ = ["live", "settings"]

ENTRIES, CLIENTS, AT_ONCE = 70_000, 48, 25


def download(address: str, path: str, enough: threading.Event) -> None:
    """Fetch a small file again and again over one connection; a busy gateway may say so."""
    with closing(http.client.HTTPConnection(address, timeout=30)) as connection:
        while not enough.is_set():
            for _ in range(AT_ONCE):
                connection.request("GET", path)
                answer = connection.getresponse()
                status, body = answer.status, answer.read()
                assert status == 503 or (status, body) == (200, b"c")


def under_load(live: Live) -> None:
    url = urlsplit(live.url("b/c.txt"))
    enough = threading.Event()
    clients = [
        threading.Thread(target=download, args=(url.netloc, url.path, enough))
        for _ in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    while live.runtime.journal.log.size() < ENTRIES and any(one.is_alive() for one in clients):
        enough.wait(0.5)
    enough.set()
    for client in clients:
        client.join()


def sumun(live: Live, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "sumun"), "audit", *words, "--json"]
    home = ["--home", str(live.runtime.settings.home)]
    return subprocess.run([*command, *home], capture_output=True, text=True, check=False)


@pytest.mark.soak
@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_log_of_seventy_thousand_made_by_the_gateway(live: Live, tmp_path: Path) -> None:
    under_load(live)
    size = live.runtime.journal.log.size()
    assert size >= ENTRIES

    copied = sumun(live, "publish", "--out", str(tmp_path / "copy"))
    assert copied.returncode == 0, copied.stderr
    chance = random.Random(size)
    assert_a_stranger_accepts(live.runtime, tmp_path / "copy", chance.sample(range(size), 20))
    verified = sumun(live, "verify", "--full", "--projection")
    assert verified.returncode == 0, verified.stdout
    assert json.loads(verified.stdout)["size"] >= ENTRIES

    at = chance.randrange(size - 300)
    drop_triggers(live.runtime.db)
    run(live.runtime.db, "UPDATE audit_entries SET person = ? WHERE idx = ?", "ab" * 16, at)
    found = sumun(live, "verify", "--full")
    assert found.returncode == 1
    assert [one["index"] for one in json.loads(found.stdout)["findings"]] == [at]
