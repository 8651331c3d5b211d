"""The shipped nginx configuration works and keeps tokens out of its log."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from flask import Flask

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
        .replace("/var/log/nginx/sumun-error.log", str(folder / "errors.log"))
    )


def listening(port: int) -> None:
    """Wait for the proxy to start."""
    for _try in range(300):
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)
    raise AssertionError("the proxy did not start")


@contextmanager
def proxy(folder: Path, backend: int) -> Iterator[int]:
    """The port of a proxy as it is shipped, before what listens on `backend`."""
    port, config = free_port(), folder / "nginx.conf"
    config.write_text(
        f"pid {folder}/pid; error_log {folder}/error.log; daemon off;\n"
        f"events {{}}\nhttp {{ client_body_temp_path {folder}/body; "
        f"proxy_temp_path {folder}/proxy;\n{site(port, backend, folder)} }}\n"
    )
    process = subprocess.Popen([NGINX, "-c", str(config), "-p", str(folder)])
    listening(port)
    yield port
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[int]:
    with serving(plain_application) as backend, proxy(tmp_path, backend) as port:
        yield port


def fetch(port: int, path: str, *headers: str) -> str:
    command = ["curl", "-sS", "--path-as-is"]
    for header in headers:
        command += ["-H", header]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True
    )
    return done.stdout


SECRET = "S3CRET-token_of-forty-three-letters-0123456"
PLAIN = "abcdefghij"


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        (f"/d/{SECRET}/folder/file.txt", "/d/"),
        (f"/d//{SECRET}/file.txt", "/d/"),
        (f"/recover/{SECRET}", "/recover/"),
        (f"/recover/{PLAIN}?x={SECRET}", "/recover/"),
        (f"//recover/{SECRET}", "/-"),
        (f"/./recover/{SECRET}", "/-"),
        (f"/x/../recover/{SECRET}", "/-"),
        (f"/%72ecover/{SECRET}", "/-"),
        (f"/recover%2F{SECRET}", "/-"),
        (f"/RECOVER/{SECRET}", "/-"),
        (f"/static/../recover/{SECRET}", "/static/"),
        (f"/invitations/{SECRET}", "/invitations/"),
        (f"/agreements/sign/{SECRET}", "/agreements/sign/"),
        (f"/agreements//sign/{SECRET}", "/agreements/"),
        (f"/agreements/%73ign/{SECRET}", "/agreements/"),
        (f"/oauth2/device?user_code={SECRET}", "/oauth2/device"),
        (f"/sign-in/with/uni/back?code={SECRET}&state=s", "/sign-in/with/"),
        (f"/oauth2/authorize?client_id=x&request_uri={SECRET}", "/oauth2/authorize"),
        (f"/oauth2/authorize/again?state={SECRET}&nonce=n", "/oauth2/authorize/"),
        (f"/sign-in?next=%2Frecover%2F{SECRET}", "/sign-in"),
        (f"/?x={SECRET}", "/"),
        (f"/{SECRET}", "/-"),
        (f"/api/v1/{SECRET}", "/api/v1/"),
        (f"/api/v1/datasets/voices?cursor={SECRET}", "/api/v1/datasets/"),
        (f"/scim/v2/Users?filter={SECRET}", "/scim/v2/"),
    ],
)
def test_the_log_of_the_proxy_names_a_part_and_no_secret(
    nginx: int, tmp_path: Path, path: str, logged: str
):
    fetch(nginx, path)
    time.sleep(0.2)

    (line,) = (tmp_path / "access.log").read_text().splitlines()

    assert f'"GET {logged}" 200' in line
    assert SECRET not in line
    assert PLAIN not in line


def test_what_goes_wrong_behind_the_proxy_is_told_without_addresses(tmp_path: Path):
    with proxy(tmp_path, free_port()) as port:
        answer = fetch(port, f"/recover/{SECRET}")

    assert "502" in answer
    kept = [each.read_text() for each in tmp_path.glob("*.log")]
    assert any('"GET /recover/"' in each for each in kept)
    assert all(SECRET not in each for each in kept)


def test_every_part_of_the_gateway_has_a_name_in_the_log(app: Flask):
    parts = {str(rule).split("/")[1] for rule in app.url_map.iter_rules()}
    known = re.findall(r"[>|](\\?[a-z0-9.-]+)(?=[|)/])", SHIPPED.read_text("utf-8"))

    named = {each.replace("\\", "") for each in known}
    assert parts - named == {"", "openapi.json"}


def test_a_client_cannot_choose_its_own_address(nginx: int):
    assert fetch(nginx, "/", "X-Forwarded-For: 203.0.113.9") == "127.0.0.1"
