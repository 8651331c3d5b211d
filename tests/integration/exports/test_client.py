"""The researcher's client and exports: ask, wait for the worker, fetch; hand in a folder."""

from __future__ import annotations

import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.client import exports
from gateway.client.errors import ClientError, Refused
from gateway.client.fetch import Fetcher
from gateway.client.http import Api
from tests import people
from tests.integration.exports.conftest import Stage


def raw(app: Flask) -> Any:
    """The application behind a server that passes on the raw target, as real ones do."""

    def call(environ: dict[str, Any], start: Any) -> Any:
        return app({**environ, "RAW_URI": quote(environ["PATH_INFO"])}, start)

    return call


@pytest.fixture
def transport(app: Flask) -> httpx2.BaseTransport:
    return httpx2.WSGITransport(app=raw(app))


@pytest.fixture
def api(stage: Stage, client: FlaskClient, transport: httpx2.BaseTransport) -> Iterator[Api]:
    token = people.bearer(client, stage.holder)["Authorization"].removeprefix("Bearer ")
    with Api("http://localhost:8400", token, transport) as api:
        yield api


def test_a_package_is_asked_for_and_fetched_whole(
    stage: Stage, api: Api, transport: httpx2.BaseTransport, tmp_path: Path
) -> None:
    made = exports.package(api, str(stage.world.grant), ["clean/*"], "1.0", "내 묶음")
    stage.work()
    assert [row["state"] for row in api.exports()] == ["released"]
    fetcher = Fetcher(transport)
    found = exports.fetch(api, fetcher, made["id"], tmp_path / "here", lambda _bytes: None)
    fetcher.close()
    assert found.path.parent == tmp_path / "here"
    with zipfile.ZipFile(found.path) as archive:
        assert archive.namelist() == ["clean/ko.txt", "clean/table.csv"]


def test_a_held_export_is_not_fetched_and_every_reason_is_told(
    stage: Stage, api: Api, transport: httpx2.BaseTransport, tmp_path: Path
) -> None:
    made = exports.package(api, str(stage.world.grant), ["private/"], None, "")
    stage.work()
    fetcher = Fetcher(transport)
    with pytest.raises(Refused) as caught:
        exports.fetch(api, fetcher, made["id"], tmp_path, lambda _bytes: None)
    fetcher.close()
    assert [row["code"] for row in caught.value.blockers] == ["OUTPUT_REVIEW_PENDING"]


def test_a_folder_is_handed_in_with_names_in_one_normal_form(
    stage: Stage, api: Api, tmp_path: Path
) -> None:
    folder = tmp_path / "result"
    (folder / "표").mkdir(parents=True)
    (folder / "표" / unicodedata.normalize("NFD", "하나.csv")).write_text("a,b\n1,2\n")
    (folder / "report.txt").write_text("정확도는 0.93입니다.\n")
    made = exports.submit(api, str(stage.world.grant), [folder], "표")
    assert (made["kind"], made["items"]) == ("result", 2)
    stage.work()
    assert exports.show(api, made["id"])["state"] == "released"


def test_links_and_nothing_at_all_are_not_handed_in(stage: Stage, api: Api, tmp_path: Path) -> None:
    empty, linked = tmp_path / "empty", tmp_path / "linked"
    empty.mkdir()
    linked.mkdir()
    (linked / "secret").symlink_to("/etc/passwd")
    for path in (empty, linked, tmp_path / "missing"):
        with pytest.raises(ClientError):
            exports.submit(api, str(stage.world.grant), [path], "")
    assert list(api.exports()) == []
