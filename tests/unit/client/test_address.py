"""A token goes to the gateway that issued it, over https or within this machine, or nowhere."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from gateway.cli.connection import anybody, signed_in
from gateway.client import session
from gateway.client.address import checked, origin
from gateway.client.errors import ClientError
from gateway.client.fetch import Fetcher
from gateway.client.http import Api, Item, SignedUrl
from gateway.client.session import Session

HOME = "https://gate.example.kr"


@pytest.fixture(autouse=True)
def own_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("SUMUN_SERVER", raising=False)
    session.store(Session(HOME, "minji", "secret-token", "soon"))


@pytest.mark.parametrize(
    "address",
    ["https://other.example.kr", "https://gate.example.kr:8443", "http://localhost:8400"],
)
def test_the_token_is_not_sent_to_another_gateway(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUMUN_SERVER", address)
    for connection in (signed_in, anybody):
        with pytest.raises(ClientError, match="sumun login --server") as caught, connection():
            pytest.fail("a connection was made")
        assert "secret-token" not in str(caught.value)


@pytest.mark.parametrize("address", [HOME, HOME + "/", "https://GATE.example.kr:443/"])
def test_the_same_gateway_may_be_spelled_otherwise(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUMUN_SERVER", address)
    found = session.for_server(session.server())
    assert found is not None
    assert found.token == "secret-token"


def test_whoever_is_not_signed_in_sends_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    session.forget()
    monkeypatch.setenv("SUMUN_SERVER", "https://other.example.kr")
    assert session.for_server(session.server()) is None
    with anybody() as api:
        assert api.server == "https://other.example.kr"


@pytest.mark.parametrize(
    "address",
    [
        "http://gate.example.kr",
        "http://localhost.example.kr",
        "http://localhost@gate.example.kr",
        "https://minji:pass@gate.example.kr",
        "http://127.0.0.1.example.kr",
        "http://0.0.0.0:8400",
        "ftp://gate.example.kr",
        "gate.example.kr",
        "https://",
        "",
        "https://gate.example.kr:port",
    ],
)
def test_an_address_that_is_no_https_address_is_refused(address: str) -> None:
    with pytest.raises(ClientError):
        checked(address)
    with pytest.raises(ClientError):
        Api(address, "secret-token")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.0.1", "[::1]", "LOCALHOST"])
def test_plain_http_is_for_this_machine_alone(host: str) -> None:
    assert origin(f"http://{host}:8400")[2] == 8400


def test_a_redirect_is_never_followed() -> None:
    asked: list[str] = []

    def elsewhere(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(307, headers={"Location": "https://evil.example/api/v1/me"})

    api = Api(HOME, "secret-token", httpx2.MockTransport(elsewhere))
    with api, pytest.raises(ClientError, match=r"points to https://evil\.example"):
        api.me()
    assert asked == [f"{HOME}/api/v1/me"]


def test_a_file_is_fetched_neither_in_plain_nor_with_the_token(tmp_path: Path) -> None:
    digest = "0" * 64
    seen: list[httpx2.Request] = []
    answer = lambda request: seen.append(request) or httpx2.Response(404)  # noqa: E731
    fetcher = Fetcher(httpx2.MockTransport(answer))
    for address in ("http://gate.example.kr/d/t/a", "https://elsewhere.example/d/t/a"):
        signed = SignedUrl(address, "soon", "1.0", Item("a", digest, 1))
        with pytest.raises(ClientError):
            fetcher.fetch(lambda signed=signed: signed, tmp_path / "a", lambda _bytes: None)
    fetcher.close()
    assert [request.url.host for request in seen] == ["elsewhere.example"]
    assert "authorization" not in seen[0].headers


def test_a_proxy_of_the_environment_is_not_used_in_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example:3128")
    api = Api("http://localhost:1", "secret-token")
    with api, pytest.raises(ClientError, match="refused"):
        api.me()
