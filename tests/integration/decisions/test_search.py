"""AuthZEN searches on both databases: who may, what may somebody use, what may they do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest
from flask.testing import FlaskClient

from gateway.access.models import Grant
from gateway.clock import FixedClock
from gateway.identity.models import Role
from gateway.runtime import Runtime
from tests import applying
from tests import world as made
from tests.integration.decisions.asked import action, question, resource, results, subject, without
from tests.world import YEAR, World

WHO = {"subject": {"type": "person"}, "action": action(), "resource": resource()}
WHAT = {"subject": subject(), "action": action(), "resource": {"type": "dataset"}}
HOW = {"subject": subject(), "resource": resource()}


def holders(runtime: Runtime, world: World, count: int) -> list[str]:
    """More people who hold a grant of the world's dataset, all as whole as the first."""
    clock = cast(FixedClock, runtime.clock)
    now, accounts = runtime.clock.now(), [f"holder.{number}" for number in range(count)]
    with runtime.db.read() as session:
        first = session.get_one(Grant, world.grant)
        signed = session.get_one(made.Acceptance, world.acceptance)
    for account in accounts:
        person = made.person(runtime, account)
        clock.advance(timedelta(seconds=1))
        rows = [
            person,
            made.Membership(
                id=made.ids.new(runtime.clock), person_id=person.id, started_at=now,
                organisation_id=world.organisation, confirmed_by=world.other,
            ),
            made.Acceptance(
                id=made.ids.new(runtime.clock), person_id=person.id, accepted_at=now,
                agreement_version_id=world.agreement, code=signed.code, sha256=signed.sha256,
                method=signed.method, typed_name="x", language="ko", expires_at=now + YEAR,
            ),
            Grant(
                id=made.ids.new(runtime.clock), person_id=person.id, purpose=first.purpose,
                organisation_id=world.organisation, dataset_id=world.dataset, starts_at=now,
                project_id=world.project, ends_at=now + YEAR, created_at=now,
            ),
        ]  # fmt: skip
        with runtime.db.write() as session:
            for row in rows:
                session.add(row)
                session.flush()
    return accounts


def ids(answer: Any) -> list[str]:
    return [each["id"] for each in results(answer)]


def test_a_steward_finds_who_may_download(
    runtime: Runtime, world: World, program: Any, looks: Any
) -> None:
    more = holders(runtime, world, 2)
    made.change(runtime, Grant, world.grant, suspended=True)
    steward = program("steward.of.voices", Role.STEWARD, scope="voices")

    answer = steward("search/subject", WHO)

    assert results(answer) == [{"type": "person", "id": account} for account in more]
    assert answer.json["page"] == {"next_token": "", "count": 2}
    (look,) = looks()
    assert look.dataset == "voices"
    assert looks(world.person) == []


def test_everybody_may_be_found_to_apply(world: World, auditor: Any) -> None:
    found = ids(auditor("search/subject", WHO | {"action": action("apply")}))

    assert "other" in found


def test_a_page_is_followed_by_its_token_to_the_end(
    runtime: Runtime, world: World, auditor: Any
) -> None:
    accounts = ["holder", *holders(runtime, world, 3)]
    found, token = [], None
    for _page in range(10):
        page = {"limit": 1} if token is None else {"token": token}
        answer = auditor("search/subject", WHO | {"page": page})
        found += ids(answer)
        token = answer.json["page"]["next_token"]
        if not token:
            break

    assert found == accounts


def test_a_token_of_another_search_or_limit_is_refused(
    runtime: Runtime, world: World, auditor: Any
) -> None:
    holders(runtime, world, 2)
    token = auditor("search/subject", WHO | {"page": {"limit": 1}}).json["page"]["next_token"]

    other = auditor("search/subject", WHO | {"action": action("package"), "page": {"token": token}})
    limit = auditor("search/subject", WHO | {"page": {"token": token, "limit": 2}})
    forged = auditor("search/subject", WHO | {"page": {"token": "forged"}})

    assert [each.status_code for each in (other, limit, forged)] == [400, 400, 400]


@pytest.mark.parametrize("page", [{"limit": -1}, {"limit": True}, {"limit": "1"}, {"token": 1}, 1])
def test_a_faulty_page_is_400(auditor: Any, page: Any) -> None:
    assert auditor("search/subject", WHO | {"page": page}).status_code == 400


def test_a_page_of_no_results_is_empty_and_the_end(auditor: Any) -> None:
    answer = auditor("search/subject", WHO | {"page": {"limit": 0}})

    assert answer.json == {"page": {"next_token": "", "count": 0}, "results": []}


def test_a_person_finds_what_is_open_to_them(
    runtime: Runtime, world: World, holder: Any, looks: Any
) -> None:
    applying.add_dataset(runtime, "closed-set")

    assert results(holder("search/resource", WHAT)) == [{"type": "dataset", "id": "voices"}]
    assert looks() == []


def test_a_steward_finds_only_among_the_own_datasets(
    runtime: Runtime, world: World, program: Any, looks: Any
) -> None:
    applying.add_dataset(runtime, "images")
    own = program("steward.of.voices", Role.STEWARD, scope="voices")
    other = program("steward.of.images", Role.STEWARD, scope="images")

    assert ids(own("search/resource", WHAT)) == ["voices"]
    assert ids(other("search/resource", WHAT)) == []
    assert len(looks(world.person)) == 2


def test_what_somebody_may_do_is_found(world: World, holder: Any, auditor: Any) -> None:
    found = [each["name"] for each in results(holder("search/action", HOW))]

    assert {"download", "package"} <= set(found)
    assert not {"decide_application", "decide_export", "work_task"} & set(found)
    assert found == [each["name"] for each in results(auditor("search/action", HOW))]


def test_actions_come_in_pages_too(holder: Any) -> None:
    whole = results(holder("search/action", HOW))
    first = holder("search/action", HOW | {"page": {"limit": 1}})
    rest = holder("search/action", HOW | {"page": {"token": first.json["page"]["next_token"]}})

    assert results(first) == whole[:1]
    assert results(rest) == whole[1:2]


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("subject", WHO | {"subject": {"type": "spaceship"}}),
        ("subject", WHO | {"resource": resource("none")}),
        ("subject", WHO | {"resource": resource(version="9.9")}),
        ("subject", WHO | {"action": action("destroy")}),
        ("resource", WHAT | {"subject": subject("nobody.here")}),
        ("resource", WHAT | {"resource": {"type": "building"}}),
        ("action", HOW | {"subject": subject("nobody.here")}),
        ("action", HOW | {"resource": resource("none")}),
    ],
)
def test_among_what_does_not_exist_nothing_is_found(
    auditor: Any, endpoint: str, body: dict[str, Any]
) -> None:
    assert results(auditor(f"search/{endpoint}", body)) == []


@pytest.mark.parametrize(
    ("endpoint", "body"), [("subject", WHO), ("resource", WHAT), ("action", HOW)]
)
def test_nobody_searches_others_without_a_role(
    world: World, program: Any, endpoint: str, body: dict[str, Any]
) -> None:
    assert program("curious")(f"search/{endpoint}", body).status_code == 403


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("subject", without(WHO, "action")),
        ("subject", without(WHO, "resource", "id")),
        ("resource", without(WHAT, "subject")),
        ("resource", without(WHAT, "subject", "id")),
        ("action", without(HOW, "resource")),
    ],
)
def test_a_faulty_search_is_400(auditor: Any, endpoint: str, body: dict[str, Any]) -> None:
    assert auditor(f"search/{endpoint}", body).status_code == 400


def test_the_metadata_names_every_endpoint(
    runtime: Runtime, client: FlaskClient, holder: Any
) -> None:
    answer = client.get("/.well-known/authzen-configuration", headers={"X-Request-ID": "mine"})

    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.headers["X-Request-ID"] == "mine"
    base = runtime.settings.public_url
    assert answer.json.pop("policy_decision_point") == base
    for name, address in answer.json.items():
        if name.endswith("_endpoint"):
            path = address.removeprefix(f"{base}/access/v1/")
            assert holder(path, question()).status_code == (403 if "subject" in path else 200)
