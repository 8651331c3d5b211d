"""AuthZEN Authorization API 1.0 on both databases: one question, and several."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway import ids
from gateway.access.models import Grant
from gateway.catalog.models import Dataset
from gateway.identity.models import Person, Role
from gateway.runtime import Runtime
from gateway.zones.models import Zone, ZoneDataset, ZoneSession
from policies.vocabulary import VersionState
from tests import people
from tests import world as made
from tests.integration.decisions.asked import (
    action,
    decision,
    decisions,
    question,
    resource,
    results,
    subject,
    without,
)
from tests.integration.promises.evidence import unwritable_log
from tests.world import World


def test_whoever_is_not_signed_in_is_asked_to_be(client: FlaskClient, world: World) -> None:
    for path in ("evaluation", "evaluations", "search/subject"):
        answer = client.post(f"/access/v1/{path}", json=question())

        assert (answer.status_code, answer.json["code"]) == (401, "not_signed_in")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_yes_names_the_release_and_the_facts(holder: Any) -> None:
    body = decision(holder("evaluation", question()))

    assert body["decision"] is True
    assert len(body["context"]["policy_release"]) == len(body["context"]["facts_digest"]) == 64
    assert "reasons" not in body["context"]


def test_a_no_names_every_reason_and_the_way_to_a_yes(
    runtime: Runtime, world: World, holder: Any
) -> None:
    made.change(runtime, Grant, world.grant, suspended=True)
    made.change(runtime, made.Acceptance, world.acceptance, ended_at=runtime.clock.now())

    context = decision(holder("evaluation", question()))["context"]

    assert [reason["code"] for reason in context["reasons"]] == [
        "ACCEPTANCE_NOT_LIVE",
        "GRANT_SUSPENDED",
    ]
    for told in (*context["reasons"], *context["path"]):
        assert "" not in (told["ko"], told["en"], told["actor"])
    assert context["confirmed"] is True
    assert (context["outcome"], len(context["path"])) == ("deny", 2)


def test_ones_own_question_is_not_recorded(holder: Any, looks: Any) -> None:
    decision(holder("evaluation", question(account="HOLDER")))

    assert looks() == []


def test_nobody_asks_about_others_without_a_role(
    runtime: Runtime, world: World, program: Any, looks: Any
) -> None:
    before = runtime.journal.log.size()

    answer = program("curious")("evaluation", question())
    other = program("curious")("evaluation", question(account="nobody.at.all"))

    assert (answer.status_code, answer.mimetype) == (403, "application/problem+json")
    assert answer.json["required_roles"] == ["auditor", "steward"]
    assert (other.status_code, other.json["detail"]) == (403, answer.json["detail"])
    assert looks() == []
    assert runtime.journal.log.size() > before


def test_a_steward_asks_about_the_own_dataset_only(world: World, program: Any, looks: Any) -> None:
    own = program("steward.of.voices", Role.STEWARD, scope="voices")
    other = program("steward.of.images", Role.STEWARD, scope="images")

    assert decision(own("evaluation", question()))["decision"] is True
    assert other("evaluation", question()).status_code == 403
    (look,) = looks(world.person)
    assert look.dataset == "voices"


def test_an_auditor_asks_about_anybody_and_that_is_recorded(
    world: World, auditor: Any, looks: Any
) -> None:
    assert decision(auditor("evaluation", question(account="other")))["decision"] is False

    assert len(looks(world.other)) == 1
    assert looks(world.person) == []


def test_without_a_writable_log_nobody_looks_at_others(
    runtime: Runtime, auditor: Any, holder: Any
) -> None:
    with unwritable_log(runtime):
        answer = auditor("evaluation", question())
        own = holder("evaluation", question())

    assert (answer.status_code, answer.json["code"]) == (503, "log_unavailable")
    assert decision(own)["decision"] is True


@pytest.mark.parametrize(
    ("part", "changed"),
    [
        ("subject", subject("nobody.here")),
        ("subject", {"type": "spaceship", "id": "holder"}),
        ("resource", resource("no-such-dataset")),
        ("resource", {"type": "building", "id": "voices"}),
        ("resource", resource(version="9.9")),
    ],
)
def test_what_does_not_exist_is_a_no_with_its_error(
    auditor: Any, part: str, changed: dict[str, Any]
) -> None:
    body = decision(auditor("evaluation", question() | {part: changed}))

    assert body["decision"] is False
    assert (body["context"]["error"]["status"], body["context"]["error"]["code"]) == (
        404,
        "not_found",
    )


def test_an_unknown_action_is_a_no_that_says_so(holder: Any) -> None:
    body = decision(holder("evaluation", question(name="destroy")))

    assert body["decision"] is False
    assert [reason["code"] for reason in body["context"]["reasons"]] == ["UNKNOWN_ACTION"]


def test_a_version_can_be_named(runtime: Runtime, world: World, holder: Any) -> None:
    named = question() | {"resource": resource(version="1.0")}

    assert decision(holder("evaluation", named))["decision"] is True
    made.change(runtime, made.DatasetVersion, world.version, state=VersionState.WITHDRAWN)
    assert decision(holder("evaluation", named))["decision"] is False


def drafted(runtime: Runtime, world: World) -> dict[str, Any]:
    """A version that was never open."""
    label = "2.0-secret"
    draft = made.DatasetVersion(
        id=ids.new(runtime.clock), dataset_id=world.dataset, label=label,
        state=VersionState.DRAFT, created_at=runtime.clock.now(),
    )  # fmt: skip
    with runtime.db.write() as session:
        session.add(draft)
    return resource(version=label)


@pytest.mark.parametrize("account", ["holder", "stranger"])
def test_a_version_that_was_never_open_is_answered_like_one_that_does_not_exist(
    runtime: Runtime, world: World, program: Any, account: str
) -> None:
    people.make_person(runtime, "stranger")
    draft, me = drafted(runtime, world), program(account)

    asked = [
        decision(me("evaluation", question(account) | {"resource": each}))
        for each in (draft, resource(version="9.9"))
    ]

    assert asked[0] == asked[1]
    assert asked[0]["context"]["error"]["code"] == "not_found"


def test_what_may_be_done_with_a_version_that_was_never_open_is_for_its_stewards(
    runtime: Runtime, world: World, program: Any
) -> None:
    draft, steward = drafted(runtime, world), program("the.steward", Role.STEWARD, scope="voices")
    other = program("the.auditor", Role.AUDITOR)
    asked = {"subject": subject("holder"), "resource": draft}
    people_asked = {"subject": {"type": "person"}, "action": action(), "resource": draft}

    told = decision(steward("evaluation", question() | {"resource": draft}))
    unknown = decision(other("evaluation", question() | {"resource": draft}))

    assert "reasons" in told["context"]
    assert unknown["context"]["error"]["code"] == "not_found"
    assert results(program("holder")("search/action", asked)) == []
    assert results(other("search/subject", people_asked)) == []


def test_to_be_told_that_an_account_does_not_exist_is_recorded_like_any_look(
    world: World, program: Any, looks: Any
) -> None:
    steward = program("the.steward", Role.STEWARD, scope="voices")
    tries = [question("guess1"), question("guess2")]
    listed = {"evaluations": tries, "action": action()}

    decision(steward("evaluation", tries[0]))
    decisions(steward("evaluations", listed))
    results(steward("search/action", {"subject": subject("guess3"), "resource": resource()}))
    found = {"subject": subject("guess4"), "action": action(), "resource": {"type": "dataset"}}
    results(steward("search/resource", found))

    assert len(looks()) == 4
    assert [each.dataset for each in looks()] == [None, "voices", "voices", "voices"]


def test_a_look_at_somebody_for_a_version_that_does_not_exist_names_them(
    world: World, program: Any, looks: Any
) -> None:
    steward = program("the.steward", Role.STEWARD, scope="voices")

    decision(steward("evaluation", question() | {"resource": resource(version="9.9")}))

    assert len(looks(world.person)) == len(looks()) == 1


def test_what_the_caller_says_of_facts_is_never_believed(
    runtime: Runtime, world: World, holder: Any
) -> None:
    made.change(runtime, Grant, world.grant, suspended=True)
    claimed = question() | {
        "context": {"grant": "live"},
        "subject": subject() | {"properties": {"suspended": False, "role": "admin"}},
        "future": {"nested": True},
    }

    assert decision(holder("evaluation", claimed))["decision"] is False


FAULTY = [
    without(question(), "subject"),
    without(question(), "action"),
    without(question(), "resource"),
    without(question(), "subject", "type"),
    without(question(), "subject", "id"),
    without(question(), "action", "name"),
    without(question(), "resource", "type"),
    without(question(), "resource", "id"),
    question() | {"subject": "holder"},
    question() | {"action": {"name": 123}},
    question() | {"context": "now"},
    question() | {"context": None},
    question() | {"resource": resource() | {"properties": []}},
    question() | {"resource": resource(version=1)},
    [question()],
]


@pytest.mark.parametrize("body", FAULTY)
@pytest.mark.parametrize("endpoint", ["evaluation", "evaluations"])
def test_a_faulty_question_is_400_and_names_the_field(
    holder: Any, endpoint: str, body: Any
) -> None:
    answer = holder(endpoint, body)

    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert answer.json["code"] == "bad_request"
    assert isinstance(body, list) or answer.json["errors"]


@pytest.mark.parametrize(
    ("data", "media"),
    [
        (b"", "application/json"),
        (b'{"subject":', "application/json"),
        (b'{"a": 1, "a": 2}', "application/json"),
        (b"{}", "text/plain"),
        (b"a=b", "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_cannot_be_read_is_400(
    runtime: Runtime, world: World, client: FlaskClient, data: bytes, media: str
) -> None:
    headers = people.bearer(client, people.person(runtime, "holder"))

    answer = client.post("/access/v1/evaluation", data=data, content_type=media, headers=headers)

    assert (answer.status_code, answer.json["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("sent", "comes_back"), [("a b-1/2", True), ("x" * 200, True), ("x" * 201, False)]
)
def test_the_callers_request_id_comes_back(holder: Any, sent: str, comes_back: bool) -> None:
    good = holder("evaluation", question(), **{"X-Request-ID": sent})
    bad = holder("evaluation", {}, **{"X-Request-ID": sent})

    assert (good.headers["X-Request-ID"] == sent) is comes_back
    assert (bad.headers["X-Request-ID"] == sent) is comes_back
    assert bad.json["request_id"] != sent


def test_without_a_request_id_the_answer_has_one_of_the_gateway(holder: Any) -> None:
    assert len(holder("evaluation", question()).headers["X-Request-ID"]) == 16


def test_questions_are_answered_in_their_order_with_what_they_inherit(holder: Any) -> None:
    asked = {
        "subject": subject(),
        "resource": resource(),
        "action": action("download"),
        "context": {"time": "2026-11-02T10:00:00+09:00"},
        "evaluations": [{}, {"action": action("decide_export")}, {"resource": resource("none")}],
    }

    answers = decisions(holder("evaluations", asked))

    assert [each["decision"] for each in answers] == [True, False, False]
    assert answers[2]["context"]["error"]["status"] == 404


def test_an_entity_of_its_own_takes_the_names_it_leaves_out(holder: Any) -> None:
    asked = {
        "subject": {"type": "person"},
        "resource": {"type": "dataset", "properties": {"version": "9.9"}},
        "action": action(),
        "evaluations": [{"subject": {"id": "holder"}, "resource": {"id": "voices"}}],
    }

    (answer,) = decisions(holder("evaluations", asked))

    assert answer["decision"] is True


def test_one_faulty_question_does_not_spoil_the_others(holder: Any) -> None:
    asked = {
        "subject": subject(),
        "action": action(),
        "evaluations": [{"resource": resource()}, {}, {"resource": "voices"}, 7],
    }

    answers = decisions(holder("evaluations", asked))

    assert [each["decision"] for each in answers] == [True, False, False, False]
    assert {each["context"]["error"]["status"] for each in answers[1:]} == {400}


@pytest.mark.parametrize(
    ("semantic", "expected"),
    [
        ("execute_all", [True, False, True]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
def test_answering_stops_where_the_caller_says(
    holder: Any, semantic: str, expected: list[bool]
) -> None:
    names = ("download", "decide_export", "package")
    asked = without(question(), "action") | {
        "evaluations": [{"action": action(name)} for name in names],
        "options": {"evaluations_semantic": semantic, "another": 1},
    }

    answers = decisions(holder("evaluations", asked))

    assert [each["decision"] for each in answers] == expected


@pytest.mark.parametrize(
    "more",
    [
        {"options": {"evaluations_semantic": "fastest"}},
        {"options": "execute_all"},
        {"evaluations": {}},
        {"evaluations": [{}] * 101},
        {"subject": "holder", "evaluations": [{}]},
    ],
)
def test_a_list_that_is_faulty_as_a_whole_is_400(holder: Any, more: dict[str, Any]) -> None:
    assert holder("evaluations", question() | more).status_code == 400


@pytest.mark.parametrize("more", [{}, {"evaluations": []}])
def test_without_a_list_the_one_question_is_answered(holder: Any, more: dict[str, Any]) -> None:
    assert decision(holder("evaluations", question() | more))["decision"] is True


def test_several_questions_about_others_are_one_event(
    world: World, auditor: Any, looks: Any
) -> None:
    asked = {
        "resource": resource(),
        "action": action(),
        "evaluations": [{"subject": subject("holder")}, {"subject": subject("other")}],
    }

    assert len(decisions(auditor("evaluations", asked))) == 2

    assert looks(world.person) == looks(world.other) == looks()
    assert len(looks()) == 1


def test_a_refused_question_of_a_list_is_a_no_and_shows_nobody(
    world: World, holder: Any, looks: Any
) -> None:
    asked = without(question(), "subject") | {
        "evaluations": [{"subject": subject("other")}, {"subject": subject("holder")}],
    }

    refused, own = decisions(holder("evaluations", asked))

    assert (refused["decision"], refused["context"]["error"]["status"]) == (False, 403)
    assert own["decision"] is True
    assert looks() == []


def test_a_browser_needs_the_token_of_its_forms(
    runtime: Runtime, world: World, browser: Any
) -> None:
    client = browser("holder")

    assert client.post("/access/v1/evaluation", json=question()).status_code == 400
    token = people.csrf(client, "/account")
    asked = client.post("/access/v1/evaluation", json=question(), headers={"X-CSRF-Token": token})
    assert decision(asked)["decision"] is True


def test_a_suspended_person_is_signed_out_and_asks_nothing(
    runtime: Runtime, world: World, holder: Any
) -> None:
    made.change(runtime, Person, world.person, status="closed")

    assert holder("evaluation", question()).status_code == 401


def test_in_a_safe_zone_the_open_session_decides(
    runtime: Runtime, world: World, holder: Any
) -> None:
    made.change(runtime, Dataset, world.dataset, delivery="safe_zone")
    asked = question(name="read_in_zone")
    before = decision(holder("evaluation", asked))

    open_session(runtime, world)

    assert (before["decision"], before["context"]["confirmed"]) == (False, True)
    assert decision(holder("evaluation", asked))["decision"] is True
    assert decision(holder("evaluation", question()))["decision"] is False


def open_session(runtime: Runtime, world: World) -> None:
    """A session of the holder that staff have opened, in a zone of the world's dataset."""
    now = runtime.clock.now()
    zone = Zone(
        id=ids.new(runtime.clock), slug="seoul", name_ko="안심존", name_en="Safe zone",
        place="서울", seats=1, networks=[], created_at=now,
    )  # fmt: skip
    session = ZoneSession(
        id=ids.new(runtime.clock), zone_id=zone.id, grant_id=world.grant, person_id=world.person,
        seat=1, booked_from=now, booked_until=now + timedelta(hours=2), opened_at=now,
        opened_by=world.other, created_at=now,
    )  # fmt: skip
    with runtime.db.write() as opened:
        for row in (zone, ZoneDataset(zone_id=zone.id, dataset_id=world.dataset), session):
            opened.add(row)
            opened.flush()
