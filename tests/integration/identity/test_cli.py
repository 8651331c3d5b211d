"""`sumun user`, `sumun org`, `sumun role` on a real home, as an operator runs them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.cli import common
from gateway.cli.main import root
from gateway.config import Settings
from gateway.identity import rules
from gateway.identity import service_organisations as organisations
from gateway.identity.models import OrganisationKind, SessionChannel
from gateway.identity.models_factors import Passkey
from gateway.identity.service_credentials import Credentials
from gateway.identity.service_organisations import NewOrganisation
from gateway.identity.service_passwords import recovery_is_live
from gateway.identity.service_sessions import sign_in
from gateway.runtime import Runtime
from tests.people import acting_as, make_person, visitor


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left: its exit status, its JSON lines, its one line of refusal."""

    status: int
    rows: Sequence[dict[str, Any]]
    refusal: str


@pytest.fixture
def sumun(
    runtime: Runtime, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ran]:
    """Run a command on the home of `runtime`, printing JSON."""
    monkeypatch.setattr(common.Home, "settings", lambda _self, **_flags: settings)

    def run(*arguments: str, stdin: str = "") -> Ran:
        result = CliRunner().invoke(root, [*arguments, "--json"], input=stdin)
        lines = [json.loads(line) for line in result.stdout.splitlines() if line.strip()]
        return Ran(result.exit_code, lines, result.stderr)

    return run


def create(sumun: Callable[..., Ran], account: str, *more: str, stdin: str = "") -> Ran:
    named = ("--name", account.title(), "--email", f"{account}@example.org")
    return sumun("user", "create", account, *named, *more, stdin=stdin)


def test_the_printed_password_signs_in_and_is_printed_once(
    runtime: Runtime, sumun: Callable[..., Ran]
) -> None:
    made = create(sumun, "minji")
    listed = sumun("user", "list")

    given = Credentials("minji", made.rows[0]["password"])
    assert made.status == 0
    assert sign_in(runtime, visitor(), given, SessionChannel.CLIENT).token
    assert [row["account"] for row in listed.rows] == ["minji"]
    assert "password" not in listed.rows[0]


def test_a_password_can_come_from_standard_input(
    runtime: Runtime, sumun: Callable[..., Ran]
) -> None:
    made = create(sumun, "minji", "--password-stdin", stdin="비가 오는 날의 수문\n")

    given = Credentials("minji", "비가 오는 날의 수문")
    assert "password" not in made.rows[0]
    assert sign_in(runtime, visitor(), given, SessionChannel.CLIENT).token


def test_the_first_operator_needs_nobody_and_the_next_needs_two(
    sumun: Callable[..., Ran],
) -> None:
    create(sumun, "first", "--operator")
    create(sumun, "next")
    create(sumun, "witness")

    granted = sumun("role", "grant", "next", "operator", "--by", "first")
    grant_id = granted.rows[0]["id"]
    alone = sumun("role", "confirm", grant_id, "--by", "first")
    confirmed = sumun("role", "confirm", grant_id, "--by", "witness")

    assert (granted.status, alone.status, confirmed.status) == (0, 2, 0)
    assert granted.rows[0]["state"] == "waiting for a second person"
    listed = {row["account"]: row["state"] for row in sumun("role", "list").rows}
    assert listed == {"first": "granted", "next": "granted"}


def test_a_second_first_operator_is_refused_and_leaves_no_account(
    sumun: Callable[..., Ran],
) -> None:
    create(sumun, "first", "--operator")

    again = create(sumun, "again", "--operator")

    assert again.status == 2
    assert len(again.refusal.splitlines()) == 1
    assert [row["account"] for row in sumun("user", "list").rows] == ["first"]


def test_a_suspended_account_resumes_and_a_recovery_address_holds(
    runtime: Runtime, sumun: Callable[..., Ran]
) -> None:
    make_person(runtime, "minji")

    suspended = sumun("user", "suspend", "minji", "--reason", "조사 중")
    no_recovery = sumun("user", "recover", "minji")
    resumed = sumun("user", "resume", "minji")
    recovery = sumun("user", "recover", "MINJI")

    assert suspended.rows[0]["status"] == "suspended"
    assert no_recovery.status == 2
    assert resumed.rows[0]["status"] == "active"
    assert recovery_is_live(runtime, recovery.rows[0]["url"].rpartition("/")[2])


def test_factors_are_listed_and_reset_from_the_host_with_a_reason(
    runtime: Runtime, sumun: Callable[..., Ran]
) -> None:
    minji = make_person(runtime, "minji")
    now = runtime.clock.now()
    row = Passkey(
        id=minji.id, person_id=minji.id, credential_id=b"id", public_key=b"key", sign_count=0,
        name="노트북", created_at=now,
    )  # fmt: skip
    with runtime.db.write() as session:
        session.add(row)

    listed = sumun("user", "factors", "MINJI")
    without_reason = sumun("user", "reset-factors", "minji")
    reset = sumun("user", "reset-factors", "minji", "--reason", "노트북을 잃어버림")
    again = sumun("user", "reset-factors", "minji", "--reason", "노트북을 잃어버림")

    assert listed.rows[0]["passkeys"] == ["노트북"]
    assert reset.rows[0]["removed"]["passkeys"] == ["노트북"]
    assert (without_reason.status, reset.status, again.status) == (2, 0, 2)
    assert sumun("user", "factors", "minji").rows[0]["passkeys"] == []


def test_organisations_are_verified_and_rejected_from_the_host(
    runtime: Runtime, sumun: Callable[..., Ran]
) -> None:
    founder = acting_as(make_person(runtime, "founder"))
    number = "111222333" + str(rules.check_digit("111222333"))
    kinds = OrganisationKind
    one = organisations.register(
        runtime, founder, NewOrganisation("하나", kinds.HOSPITAL, "KR", number)
    )
    two = organisations.register(runtime, founder, NewOrganisation("Two", kinds.COMPANY, "SE"))

    verified = sumun("org", "verify", str(one.id))
    rejected = sumun("org", "reject", str(two.id), "--reason", "찾을 수 없음")
    pending = sumun("org", "list", "--status", "pending")

    assert verified.rows[0]["status"] == "verified"
    assert rejected.rows[0]["status"] == "rejected"
    assert pending.rows == []


def test_an_account_is_closed_from_the_host_in_the_operators_name(
    runtime: Runtime, sumun: Callable[..., Ran], events: list[Any]
) -> None:
    make_person(runtime, "minji")

    closed = sumun("user", "close", "minji", "--reason", "본인 요청")
    resumed = sumun("user", "resume", "minji")

    (event,) = [seen for seen in events if seen.action == "person.closed"]
    assert closed.rows[0]["status"] == "closed"
    assert resumed.status == 2
    assert event.personal["account"].startswith("operator:")


def test_an_organisation_is_suspended_from_the_host_by_name_or_id(
    runtime: Runtime, sumun: Callable[..., Ran], events: list[Any]
) -> None:
    founder, kind = acting_as(make_person(runtime, "founder")), OrganisationKind.COMPANY
    made = [
        organisations.register(runtime, founder, NewOrganisation(name, kind, "SE"))
        for name in ("One", "Two", "Two")
    ]
    for each in made:
        sumun("org", "verify", str(each.id))

    by_name = sumun("org", "suspend", "One", "--reason", "조사 중")
    unclear = sumun("org", "suspend", "Two", "--reason", "조사 중")
    by_id = sumun("org", "suspend", str(made[1].id), "--reason", "조사 중")

    stops = [seen for seen in events if seen.action == "organisation.suspended"]
    assert [ran.rows[0]["status"] for ran in (by_name, by_id)] == ["suspended"] * 2
    assert unclear.status == 2
    assert len(stops) == 2
    assert all(seen.personal["account"].startswith("operator:") for seen in stops)


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "show", "nobody"),
        ("user", "suspend", "nobody", "--reason", "x"),
        ("user", "create", "Nobody", "--name", " ", "--email", "a@example.org"),
        ("role", "grant", "nobody", "steward", "--by", "nobody"),
        ("role", "confirm", "00000000-0000-7000-8000-000000000000", "--by", "nobody"),
        ("role", "end", "00000000-0000-7000-8000-000000000000", "--by", "nobody"),
        ("user", "close", "nobody", "--reason", "x"),
        ("org", "suspend", "nobody", "--reason", "x"),
        ("org", "verify", "00000000-0000-7000-8000-000000000000"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_two(
    sumun: Callable[..., Ran], arguments: tuple[str, ...]
) -> None:
    refused = sumun(*arguments)

    assert refused.status == 2
    assert refused.rows == []
    assert refused.refusal.startswith("sumun: ")
    assert len(refused.refusal.splitlines()) == 1


def test_looking_at_people_from_the_host_is_an_event(
    runtime: Runtime, sumun: Callable[..., Ran], events: list[Any]
) -> None:
    make_person(runtime, "minji")
    before = len(events)

    sumun("user", "show", "minji")

    (seen,) = events[before:]
    assert seen.action == "person.viewed"
    assert seen.personal["account"].startswith("operator:")
