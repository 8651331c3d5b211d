"""The shipped nginx configuration works and keeps tokens out of its log."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.parts.ports import free_port
from tests.parts.wsgi import serving

SHIPPED = Path(__file__).parents[3] / "deploy" / "nginx.conf"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin") or "/usr/sbin/nginx"


def plain_application(environ, start_response):
    body = environ.get("HTTP_X_FORWARDED_FOR", "").encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def site(port: int, backend: int, folder: Path) -> str:
    """The shipped site on loopback without TLS; everything else stays as shipped."""
    text = SHIPPED.read_text("utf-8")
    kept = [line for line in text.splitlines() if "ssl_certificate" not in line]
    return (
        "\n".join(kept)
        .replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
        .replace("server 127.0.0.1:8400;", f"server 127.0.0.1:{backend};")
        .replace("/var/log/nginx/sumun.log", str(folder / "access.log"))
    )


@pytest.fixture
def nginx(tmp_path: Path):
    port = free_port()
    with serving(plain_application) as backend:
        config = tmp_path / "nginx.conf"
        config.write_text(
            f"pid {tmp_path}/pid; error_log {tmp_path}/error.log; daemon off;\n"
            f"events {{}}\nhttp {{ client_body_temp_path {tmp_path}/body; "
            f"proxy_temp_path {tmp_path}/proxy;\n{site(port, backend, tmp_path)} }}\n"
        )
        process = subprocess.Popen([NGINX, "-c", str(config), "-p", str(tmp_path)])
        yield port
        process.terminate()
        process.wait(timeout=10)


def fetch(port: int, path: str, *headers: str) -> str:
    command = ["curl", "-sS", "--retry-connrefused", "--retry", "20", "--retry-delay", "1"]
    for header in headers:
        command += ["-H", header]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_log_of_the_proxy_holds_no_download_token(nginx: int, tmp_path: Path):
    fetch(nginx, "/d/SECRET-TOKEN/folder/file.txt")
    time.sleep(0.2)

    logged = (tmp_path / "access.log").read_text()

    assert "/d/-/folder/file.txt" in logged
    assert "SECRET-TOKEN" not in logged


def test_a_client_cannot_choose_its_own_address(nginx: int):
    assert fetch(nginx, "/", "X-Forwarded-For: 203.0.113.9") == "127.0.0.1"
