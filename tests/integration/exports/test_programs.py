"""Programs that bring results: their token is looked at before the body is read, and once."""

from __future__ import annotations

import uuid

import pytest
from flask import Flask

from gateway.runtime import Runtime
from tests import oauth_peer as peers
from tests import people


@pytest.mark.parametrize("bound", [False, True])
def test_a_program_is_recognised_before_its_result_is_read(
    bound: bool, app: Flask, runtime: Runtime
) -> None:
    """The proof of a bound token counts once, so asking for it twice would refuse it."""
    mina, browser = people.make_person(runtime, "mina"), app.test_client()
    people.sign_in(browser, mina)
    portal = peers.web(runtime, app.test_client(), people.make_person(runtime, "manager"))
    code = portal.code(browser, scope="openid read write")
    token = portal.redeem(code, dpop=bound).json["access_token"]
    path = "/api/v1/exports/results"
    headers = {"Authorization": f"{'DPoP' if bound else 'Bearer'} {token}"}
    if bound:
        headers["DPoP"] = portal.proof("POST", path, token)

    answer = portal.http.post(
        f"{path}?grant_id={uuid.uuid4()}",
        data=b"PK",
        content_type="application/zip",
        headers=headers,
    )

    assert answer.status_code == 404, answer.text
