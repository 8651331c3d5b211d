"""SCIM 2.0: an outside tester passes, and a directory reaches nobody but its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server
from sqlalchemy import select

from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.identity import service_invitations as invitations
from gateway.identity import service_joining as joining
from gateway.identity import service_memberships as memberships
from gateway.identity import service_organisations as organisations
from gateway.identity.models import Membership, Person
from gateway.identity.models_organisations import Invitation, ProvisionedUser, ProvisioningToken
from gateway.identity.scim import tokens
from gateway.runtime import Runtime
from tests.integration.identity.company import Company
from tests.integration.identity.conftest import Seen
from tests.people import acting_as, bearer, make_person, post, sign_in

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
Call = Callable[..., Any]


@pytest.fixture
def token(runtime: Runtime, company: Company) -> str:
    return tokens.create(runtime, acting_as(company.manager), company.org.id, "디렉터리", 365)


@pytest.fixture
def scim(app: Flask, token: str) -> Call:
    return caller(app, token)


def caller(app: Flask, token: str) -> Call:
    """Calls `/scim/v2` with a token; every refusal is a SCIM error."""
    client = app.test_client(use_cookies=False)

    def call(method: str, path: str, body: Any = None, **headers: str) -> Any:
        sent = {"Authorization": f"Bearer {token}"} | headers
        kind = "application/scim+json"
        answer = client.open(
            f"/scim/v2{path}", method=method, json=body, headers=sent, content_type=kind
        )
        assert answer.content_type == kind or answer.status_code == 204, answer.text
        return answer

    return call


def user(name: str = "kim@example.org", /, **more: Any) -> dict[str, Any]:
    return {"schemas": [USER], "userName": name} | more


def patch(**values: Any) -> dict[str, Any]:
    operations = [{"op": "replace", "path": key, "value": each} for key, each in values.items()]
    return {"schemas": [PATCH], "Operations": operations}


def place(runtime: Runtime, person: Person, company: Company) -> Membership | None:
    with runtime.db.read() as session:
        found = memberships.memberships_of(session, person.id)
    return next((row for row, org in found if org.id == company.org.id), None)


def accept(runtime: Runtime, person: Person) -> None:
    with runtime.db.read() as session:
        waiting = select(Invitation.id).where(Invitation.email == person.email)
        (invitation_id,) = session.scalars(waiting).all()
    joining.accept(runtime, acting_as(person), invitations.token_of(runtime, invitation_id))


def test_the_outside_tester_passes(app: Flask, token: str) -> None:
    client = WSGISCIMClient(
        app,
        base_url="http://localhost:8400/scim/v2",
        headers={"Authorization": f"Bearer {token}"},
    )

    results = check_server(client)

    wrong = [(one.title, one.reason) for one in results if one.status is Status.ERROR]
    assert wrong == []
    assert len([one for one in results if one.status is Status.SUCCESS]) > 40


def test_a_new_user_is_invited_and_takes_no_account_over(
    runtime: Runtime, company: Company, scim: Call, events: list[Seen]
) -> None:
    kim = make_person(runtime, "kim")

    made = scim("POST", "/Users", user(kim.email, displayName="김", name={"givenName": "x"}))
    before = place(runtime, kim, company)
    accept(runtime, kim)

    assert made.status_code == 201
    assert before is None
    assert place(runtime, kim, company) is not None
    acts = [seen.action for seen in events if seen.action.startswith(("prov", "member"))]
    assert acts == ["membership.invited", "provisioned_user.created", "membership.accepted"]
    assert all(kim.email not in str(seen.detail) for seen in events)


@pytest.mark.parametrize("how", ["patch", "put", "delete", "string", "removed"])
def test_a_leaver_of_the_directory_leaves_at_once(
    runtime: Runtime, company: Company, scim: Call, how: str
) -> None:
    kim = make_person(runtime, "kim")
    made = scim("POST", "/Users", user(kim.email)).json
    accept(runtime, kim)
    address = f"/Users/{made['id']}"

    remove = {"schemas": [PATCH], "Operations": [{"op": "remove", "path": "active"}]}
    calls = {
        "patch": lambda: scim("PATCH", address, patch(active=False)),
        "put": lambda: scim("PUT", address, user(kim.email, active=False)),
        "delete": lambda: scim("DELETE", address),
        "string": lambda: scim("PATCH", address, patch(active="False")),
        "removed": lambda: scim("PATCH", address, remove),
    }
    assert calls[how]().status_code in {200, 204}

    assert place(runtime, kim, company) is None
    assert scim("GET", address).status_code == (404 if how == "delete" else 200)


def test_who_belongs_already_is_linked_and_ended_by_the_directory(
    runtime: Runtime, company: Company, scim: Call
) -> None:
    made = scim("POST", "/Users", user("m", emails=[{"value": company.member.email}])).json
    with runtime.db.read() as session:
        assert session.scalars(select(Invitation)).all() == []

    scim("PATCH", f"/Users/{made['id']}", patch(active=False))

    assert place(runtime, company.member, company) is None
    again = scim("PATCH", f"/Users/{made['id']}", patch(active=True))
    assert again.json["active"] is True
    # Coming back takes the person's own yes.
    assert place(runtime, company.member, company) is None
    accept(runtime, company.member)
    assert place(runtime, company.member, company) is not None


def test_an_invitation_ends_with_its_user_and_follows_a_new_address(
    runtime: Runtime, company: Company, scim: Call
) -> None:
    made = scim("POST", "/Users", user("lee@example.org")).json
    address = f"/Users/{made['id']}"
    scim("PATCH", address, patch(emails=[{"value": "new@example.org"}]))
    with runtime.db.read() as session:
        now = runtime.clock.now()
        (open_one,) = invitations.open_invitations(session, company.org.id, now)
    scim("DELETE", address)

    assert open_one.email == "new@example.org"
    with runtime.db.read() as session:
        assert invitations.open_invitations(session, company.org.id, now) == []
        kept = session.scalars(select(ProvisionedUser)).one()
    assert (kept.user_name, kept.emails, kept.email) == ("", [], "")


def test_who_accepts_while_the_directory_removes_them_is_out(
    runtime: Runtime, company: Company, scim: Call
) -> None:
    kim = make_person(runtime, "kim")
    for _round in range(4):
        made = scim("POST", "/Users", user(kim.email)).json["id"]
        start = Barrier(2)

        def join(start: Barrier = start) -> str:
            start.wait(timeout=30)
            try:
                accept(runtime, kim)
            except (Problem, ValueError) as error:
                return type(error).__name__
            return "joined"

        def remove(made: str = made, start: Barrier = start) -> int:
            start.wait(timeout=30)
            return int(scim("DELETE", f"/Users/{made}").status_code)

        with ThreadPoolExecutor(2) as pool:
            joined, removed = pool.submit(join), pool.submit(remove)
            assert removed.result() == 204
            assert joined.result() in {"joined", "Problem", "ValueError"}
        assert place(runtime, kim, company) is None


def test_a_put_that_is_silent_about_active_wakes_nobody(
    runtime: Runtime, company: Company, scim: Call
) -> None:
    made = scim("POST", "/Users", user(active=False)).json

    replaced = scim("PUT", f"/Users/{made['id']}", user(displayName="이름"))

    assert replaced.json["active"] is False
    with runtime.db.read() as session:
        assert session.scalars(select(Invitation)).all() == []


def test_names_are_unique_without_case_and_lists_are_filtered_and_paged(scim: Call) -> None:
    for number in range(3):
        assert (
            scim("POST", "/Users", user(f"U{number}", externalId=f"x{number}")).status_code == 201
        )

    same = scim("POST", "/Users", user("u0"))
    by_name = scim("GET", '/Users?filter=userName eq "u1"').json
    by_id = scim("GET", '/Users?filter=externalId eq "x2"').json
    other = scim("GET", '/Users?filter=userName sw "u" and active eq true&count=2').json
    paged = scim("GET", "/Users?startIndex=2&count=1").json

    assert (same.status_code, same.json["scimType"]) == (409, "uniqueness")
    assert [row["userName"] for row in by_name["Resources"]] == ["U1"]
    assert [row["userName"] for row in by_id["Resources"]] == ["U2"]
    assert (other["totalResults"], len(other["Resources"])) == (3, 2)
    assert [row["userName"] for row in paged["Resources"]] == ["U1"]


def test_a_stale_write_is_refused(scim: Call) -> None:
    made = scim("POST", "/Users", user("u"))
    address, stale = f"/Users/{made.json['id']}", made.headers["ETag"]
    scim("PATCH", address, patch(displayName="a"))

    refused = scim("PATCH", address, patch(active=False), **{"If-Match": stale})
    deleted = scim("DELETE", address, **{"If-Match": stale})

    assert (refused.status_code, deleted.status_code) == (412, 412)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/Users", {}, 400),
        ("POST", "/Users", [], 400),
        ("POST", "/Users", user(""), 400),
        ("POST", "/Users", user("a\x00b"), 400),
        ("POST", "/Users", user("a\ud800b"), 400),
        ("POST", "/Users", user("x" * 300), 400),
        ("POST", "/Users", user("x", emails=[{"value": "no address"}]), 400),
        ("POST", "/Users", user("x", emails=[{"value": "a@b.org"}] * 11), 400),
        ("POST", "/Users", user("x", active="perhaps"), 400),
        ("POST", "/Groups", {"schemas": [USER.replace("User", "Group")]}, 400),
        ("GET", "/Users?filter=userName", None, 400),
        ("GET", "/Users?filter=userName eq %22%00%22", None, 400),
        ("GET", f"/Users?filter=userName eq %22{'x' * 600}%22", None, 400),
        ("GET", "/Users/1", None, 404),
        ("GET", "/Users/0190AAAA-0000-7000-8000-000000000000", None, 404),
        ("GET", "/Bulk", None, 404),
        ("POST", "/.search", {}, 501),
    ],
)
def test_what_is_malformed_is_a_scim_error(
    scim: Call, method: str, path: str, body: Any, status: int
) -> None:
    answer = scim(method, path, body)

    assert answer.status_code == status
    assert answer.json["status"] == str(status)


def test_a_group_takes_only_its_own_directorys_users(
    app: Flask, runtime: Runtime, company: Company, scim: Call
) -> None:
    rival = acting_as(company.others_manager)
    theirs = caller(app, tokens.create(runtime, rival, company.other.id, "x", 1))
    stranger = theirs("POST", "/Users", user("theirs")).json["id"]
    group = {"schemas": [USER.replace("User", "Group")], "displayName": "연구실"}

    refused = scim("POST", "/Groups", group | {"members": [{"value": stranger}]})

    assert refused.status_code == 400
    assert scim("GET", f"/Users/{stranger}").status_code == 404
    assert scim("DELETE", f"/Users/{stranger}").status_code == 404
    assert scim("PATCH", f"/Users/{stranger}", patch(active=False)).status_code == 404
    assert scim("GET", '/Users?filter=userName eq "theirs"').json["totalResults"] == 0


def test_a_token_opens_scim_and_nothing_else_opens_it(
    app: Flask, runtime: Runtime, company: Company, token: str
) -> None:
    session = bearer(app.test_client(use_cookies=False), company.manager)
    browser = app.test_client()
    sign_in(browser, company.manager)
    outside = app.test_client(use_cookies=False)

    assert (
        outside.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    )
    for headers in ({}, session, {"Authorization": f"Basic {token}"}, {"Authorization": token}):
        answer = outside.get("/scim/v2/Users", headers=headers)
        assert (answer.status_code, answer.json["status"]) == (401, "401")
        assert "Bearer" in answer.headers["WWW-Authenticate"]
    assert browser.get("/scim/v2/Users").status_code == 401


def test_a_token_dies_with_what_it_rests_on(
    app: Flask, runtime: Runtime, clock: FixedClock, company: Company
) -> None:
    manager, steward = acting_as(company.manager), acting_as(company.steward)

    def fresh(days: int = 365) -> Call:
        return caller(app, tokens.create(runtime, manager, company.org.id, "x", days))

    short, revoked, kept = fresh(1), fresh(), fresh()
    assert revoked("GET", "/Users").status_code == 200
    with runtime.db.read() as session:
        live = tokens.live(session, company.org.id, clock.now())
    tokens.revoke(runtime, manager, live[1].id)
    assert revoked("GET", "/Users").status_code == 401
    clock.advance(timedelta(days=1))
    assert short("GET", "/Users").status_code == 401
    organisations.suspend_organisation(runtime, steward, company.org.id, "점검")
    assert kept("GET", "/Users").status_code == 401
    organisations.verify(runtime, steward, company.org.id)
    assert kept("GET", "/Users").status_code == 200
    memberships.end_membership(runtime, steward, company.place_of(runtime, company.manager).id)
    assert kept("GET", "/Users").status_code == 401


def test_only_a_manager_makes_lists_and_revokes_tokens(
    runtime: Runtime, company: Company, token: str, browser: Callable[..., FlaskClient]
) -> None:
    with runtime.db.read() as session:
        made = session.scalars(select(ProvisioningToken)).one()
    for number, person in enumerate(company.everybody_but_the_manager):
        client = browser(f"10.3.0.{number}")
        sign_in(client, person)
        address = f"/orgs/{company.org.id}/provisioning"
        refused = (
            client.get(address).status_code,
            post(client, address, label="x", days="1").status_code,
            post(client, f"/provisioning-tokens/{made.id}/revoke").status_code,
        )
        assert refused == (403, 403, 403)
    assert token not in str(vars(made))


def test_the_page_shows_a_token_once(
    runtime: Runtime, company: Company, browser: Callable[..., FlaskClient], app: Flask
) -> None:
    client, address = browser(), f"/orgs/{company.org.id}/provisioning"
    sign_in(client, company.manager)

    made = post(client, address, label="본사 디렉터리", days="30")
    again = client.get(address)
    too_long = post(client, address, label="x", days="366")

    found = made.text.partition(tokens.PREFIX)[2][:43]
    assert caller(app, tokens.PREFIX + found)("GET", "/Users").status_code == 200
    assert made.headers["Cache-Control"] == "no-store"
    assert "본사 디렉터리" in again.text
    assert tokens.PREFIX not in again.text
    assert too_long.status_code == 422


def test_no_token_lives_longer_than_a_year(runtime: Runtime, company: Company) -> None:
    with pytest.raises(Problem) as refused:
        tokens.create(runtime, acting_as(company.manager), company.org.id, "x", 366)

    assert refused.value.code is ProblemCode.VALIDATION_FAILED
