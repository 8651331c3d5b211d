"""The page of checkpoints says first what nobody outside confirms."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.identity.models import Role
from gateway.runtime import Runtime
from gateway.witnessing import policy_file
from gateway.witnessing.service import ask_all
from tests.integration.witnessing.conftest import Start
from tests.people import grant, make_person, post, sign_in

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
PAGE = "/audit/checkpoints?lang="
CLEAN = {"en": ">No change was found<", "ko": ">변경된 기록이 없습니다<"}


@pytest.fixture
def auditor(app: Flask, runtime: Runtime) -> FlaskClient:
    """A signed-in auditor who has verified the whole log."""
    person = make_person(runtime, "auditor.one")
    grant(runtime, person, Role.AUDITOR)
    client = app.test_client()
    sign_in(client, person)
    post(client, "/audit/checkpoints/verify")
    client.get(PAGE)  # takes the message about the verification
    return client


def notices(client: FlaskClient, language: str) -> list[str]:
    """The kinds of the notices, in their order."""
    return re.findall(r'class="notice notice-(\w+)', client.get(PAGE + language).text)


def test_a_quorum_that_was_met_is_clean(
    runtime: Runtime, auditor: FlaskClient, start: Start, policy: Callable[..., None]
) -> None:
    policy(start("one"), quorum=1)
    ask_all(runtime)

    assert notices(auditor, "en") == ["ok"]


@pytest.mark.parametrize(
    ("language", "never", "since"),
    [
        ("en", "Never cosigned by the quorum", "Not cosigned by the quorum of witnesses since"),
        (
            "ko",
            "정족수의 서명을 한 번도 받지 못했습니다",
            "이후 외부 확인자 정족수의 서명이 없습니다",
        ),
    ],
)
def test_an_unmet_quorum_is_never_shown_as_clean(
    runtime: Runtime,
    auditor: FlaskClient,
    start: Start,
    policy: Callable[..., None],
    grow: Callable[..., int],
    clock: Any,
    language: str,
    never: str,
    since: str,
) -> None:
    policy(start("one"), quorum=1)
    first = auditor.get(PAGE + language).text
    ask_all(runtime)
    grow()
    runtime.journal.log.checkpoint()
    clock.advance(timedelta(minutes=5))
    later = auditor.get(PAGE + language).text

    assert never in first
    assert since in later
    assert "<time" in later.partition(since)[0][-200:] + later.partition(since)[2][:200]
    assert CLEAN[language] not in first + later
    assert notices(auditor, language) == ["stop", "info"]


def test_a_list_that_cannot_be_read_is_said_first(runtime: Runtime, auditor: FlaskClient) -> None:
    policy_file.path_of(runtime.settings).write_text("quorum nobody\n")

    assert notices(auditor, "en") == ["stop", "info"]
