"""A directory that sends far too much: it is refused at once and stands in nobody's way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from gateway.identity.scim import patching, tokens, users
from gateway.runtime import Runtime
from tests.integration.identity.company import Company
from tests.integration.identity.test_scim import PATCH, USER, Call, caller, patch, user
from tests.people import acting_as

GROUP = USER.replace("User", "Group")


@pytest.fixture
def scim(app: Flask, runtime: Runtime, company: Company) -> Call:
    token = tokens.create(runtime, acting_as(company.manager), company.org.id, "디렉터리", 365)
    return caller(app, token)


def operations(*found: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": list(found)}


def address(number: int) -> dict[str, Any]:
    return {"op": "add", "path": "emails", "value": [{"value": f"a{number}@example.org"}]}


@pytest.mark.parametrize("name", ["Operations", "operations", "OPERATIONS"])
def test_a_patch_of_too_many_operations_is_refused_before_it_is_computed(
    scim: Call, name: str
) -> None:
    made = scim("POST", "/Users", user("u")).json["id"]
    body = {"schemas": [PATCH], name: [address(number) for number in range(1500)]}

    began = time.process_time()
    refused = scim("PATCH", f"/Users/{made}", body)

    assert (refused.status_code, refused.json["status"]) == (413, "413")
    assert time.process_time() - began < 2
    assert "emails" not in scim("GET", f"/Users/{made}").json


def test_as_many_operations_as_may_be_are_done(scim: Call) -> None:
    made = scim("POST", "/Users", user("u")).json["id"]
    renamed = {"op": "replace", "path": "displayName", "value": "이름"}

    answer = scim("PATCH", f"/Users/{made}", operations(*[renamed] * patching.MOST_OPERATIONS))

    assert (answer.status_code, answer.json["displayName"]) == (200, "이름")


@pytest.mark.parametrize("nested", [False, True], ids=["path", "no path"])
def test_few_operations_of_many_values_are_too_much_as_well(scim: Call, nested: bool) -> None:
    made = scim("POST", "/Groups", {"schemas": [GROUP], "displayName": "연구실"}).json["id"]
    values = [{"value": "0190aaaa-0000-7000-8000-000000000000"}] * 3000
    one = {"op": "add", "value": {"members": values}}
    one = one if nested else {"op": "add", "path": "members", "value": values}

    refused = scim("PATCH", f"/Groups/{made}", operations(one, one, one))

    assert refused.status_code == 413


def test_no_more_values_are_kept_than_a_user_or_group_may_have(scim: Call) -> None:
    made = scim("POST", "/Users", user("u")).json["id"]
    members = [{"value": "0190aaaa-0000-7000-8000-000000000000"}] * (users.MOST_USERS + 1)

    refused = scim("PATCH", f"/Users/{made}", operations(*map(address, range(11))))
    crowded = scim(
        "POST", "/Groups", {"schemas": [GROUP], "displayName": "모두", "members": members}
    )

    assert (refused.status_code, refused.json["scimType"]) == (400, "invalidValue")
    assert (crowded.status_code, crowded.json["scimType"]) == (400, "invalidValue")


@pytest.fixture
def computing(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Callable[[], Any]]]:
    """What happens while a PATCH is being computed, once each."""
    meanwhile: list[Callable[[], Any]] = []
    original = patching.check_work

    def slowly(asked: Any, present: Any) -> None:
        original(asked, present)
        if meanwhile:
            meanwhile.pop()()

    monkeypatch.setattr(patching, "check_work", slowly)
    yield meanwhile
    assert meanwhile == []


@pytest.mark.parametrize("kind", ["Users", "Groups"])
def test_what_changes_meanwhile_is_neither_blocked_nor_lost(
    scim: Call, computing: list[Callable[[], Any]], kind: str
) -> None:
    new = user("u") if kind == "Users" else {"schemas": [GROUP], "displayName": "x"}
    path = f"/{kind}/" + scim("POST", f"/{kind}", new).json["id"]
    computing.append(lambda: scim("PATCH", path, patch(externalId="나중")))

    answer = scim("PATCH", path, patch(displayName="이름"))

    assert answer.status_code == 200
    after = scim("GET", path).json
    assert (after["displayName"], after["externalId"]) == ("이름", "나중")


def test_who_named_a_version_or_is_overtaken_again_and_again_is_told(
    scim: Call, computing: list[Callable[[], Any]]
) -> None:
    made = scim("POST", "/Users", user("u"))
    path, tag = f"/Users/{made.json['id']}", made.headers["ETag"]
    other = patch(externalId="다른 값")
    replaced = user("u", externalId="다른 값")

    computing.append(lambda: scim("PUT", path, replaced))
    named = scim("PATCH", path, patch(displayName="이름"), **{"If-Match": tag})
    computing.extend([lambda: scim("PUT", path, replaced)] * 4)
    overtaken = scim("PATCH", path, patch(displayName="이름"))

    assert (named.status_code, overtaken.status_code) == (412, 412)
    assert scim("PATCH", path, other).status_code == 200
