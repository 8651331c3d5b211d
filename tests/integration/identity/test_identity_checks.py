"""Identity checks by an agency and by a paper: what counts, what is kept, what is refused."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from gateway import ids
from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.identity import identity_marks
from gateway.identity import service_people as accounts
from gateway.identity.check_agency import Agency as Adapter
from gateway.identity.models import Membership, Person, Role, SignInSession
from gateway.identity.models_crowd import IdentityCheck, IdentityMark
from gateway.identity.service_attestations import identity_level, unchecked
from gateway.identity.service_identity_checks import Errand, begin, finish, forget
from gateway.identity.service_seen_papers import Paper, Seen, record_seen
from gateway.keys import Purpose
from gateway.runtime import Runtime
from gateway.security.outbound import Outbound
from tests import people
from tests.conftest import START
from tests.parts.check_agency import KEY, Agency, serving
from tests.people import acting_as, grant, make_person, post, sign_in

ENDED = ProblemCode.IDENTITY_CHECK_ENDED
UNAVAILABLE = ProblemCode.IDENTITY_CHECK_UNAVAILABLE
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
AT = START.isoformat()
LINK = re.compile(r'href="(http://127[^"]+)"')


@pytest.fixture
def agency() -> Iterator[Agency]:
    with serving() as running:
        yield running


@pytest.fixture
def adapter(agency: Agency) -> Adapter:
    return Adapter(agency.url, KEY, Outbound(LOOPBACK))


@pytest.fixture
def settings(settings: Any, agency: Agency) -> Any:
    changes = {
        "identity_check_url": agency.url,
        "identity_check_key": SecretStr(KEY),
        "outbound_networks": LOOPBACK,
    }
    return settings.model_copy(update=changes)


def errand(runtime: Runtime, one: Person, client: FlaskClient) -> Errand:
    """The errand of somebody who has signed in with a browser."""
    sign_in(client, one)
    with runtime.db.read() as session:
        found = session.scalars(
            select(SignInSession.id)
            .where(SignInSession.person_id == one.id)
            .order_by(SignInSession.created_at.desc(), SignInSession.id.desc())
        ).first()
    assert found
    return Errand(acting_as(one), one.id, found)


def level(runtime: Runtime, one: Person) -> int:
    with runtime.db.read() as session:
        return identity_level(session, one.id, runtime.clock.now())


def refused(verb: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        verb()
    return caught.value


def checked(runtime: Runtime, adapter: Adapter, agency: Agency, me: Errand) -> int:
    begin(runtime, adapter, me)
    return finish(runtime, adapter, me, agency.states[-1])


def test_a_person_goes_to_the_agency_and_comes_back_checked(
    runtime: Runtime, agency: Agency, browser: Any, events: list[Any]
) -> None:
    one, seat = make_person(runtime, "worker", name="홍길동"), browser()
    sign_in(seat, one)
    agency.says("홍길동", 1, AT)

    page = post(seat, "/account/identity-check")
    back = seat.get(f"/account/identity-check/return?state={agency.states[-1]}")

    assert LINK.findall(page.text) == [f"{agency.url}/go/check-1"]
    assert back.status_code == 303
    assert level(runtime, one) == 3
    assert [e.action for e in events][-2:] == ["identity_check.begun", "identity.checked"]
    assert events[-1].detail["level"] == 3
    with runtime.db.read() as session:
        assert unchecked(session) == []


def test_the_ci_is_kept_as_a_keyed_hash_only(
    runtime: Runtime, adapter: Adapter, agency: Agency, browser: Any, events: list[Any]
) -> None:
    me = errand(runtime, make_person(runtime, "worker", name="홍길동"), browser())
    agency.says("홍길동", 7, AT)
    ci = agency.answer["ci"]

    checked(runtime, adapter, agency, me)

    key = runtime.keys.current(Purpose.LOOKUP).material
    expected = hmac.new(key, b"sumun identity check|" + ci.encode(), hashlib.sha256).hexdigest()
    with runtime.db.read() as session:
        assert session.scalars(select(IdentityMark.mark)).all() == [expected]
        for table in ("identity_marks", "attestations", "identity_checks", "people"):
            rows = session.execute(text(f"SELECT * FROM {table}")).all()
            assert ci not in repr(rows), table
    assert all(ci not in repr(event) for event in events)
    plain = hashlib.sha256(ci.encode()).hexdigest()
    assert plain != expected


def test_somebody_known_under_another_account_is_told_so_and_how_to_go_on(
    runtime: Runtime, adapter: Adapter, agency: Agency, browser: Any, events: list[Any]
) -> None:
    first = errand(runtime, make_person(runtime, "first", name="홍길동"), browser())
    second = errand(runtime, make_person(runtime, "second", name="홍길동"), browser())
    agency.says("홍길동", 1, AT)
    checked(runtime, adapter, agency, first)

    problem = refused(lambda: checked(runtime, adapter, agency, second))

    assert problem.code is ProblemCode.IDENTITY_KNOWN
    assert "운영자에게" in problem.detail_ko
    assert "ask the operator" in problem.detail_en
    assert (events[-1].action, events[-1].reason) == ("identity_check.refused", "identity_known")
    with runtime.db.read() as session:
        assert identity_level(session, second.person_id, runtime.clock.now()) == 0


def test_the_operator_frees_the_identity_of_a_closed_account_only(
    runtime: Runtime, adapter: Adapter, agency: Agency, browser: Any
) -> None:
    one = make_person(runtime, "first", name="홍길동")
    second = errand(runtime, make_person(runtime, "second", name="홍길동"), browser())
    agency.says("홍길동", 1, AT)
    checked(runtime, adapter, agency, errand(runtime, one, browser()))
    operator = people.Actor.operator()

    too_soon = refused(lambda: identity_marks.release(runtime, operator, one.id))
    accounts.close(runtime, operator, one.id, "계정을 닫아 달라는 요청")
    identity_marks.release(runtime, operator, one.id)

    assert too_soon.code is ProblemCode.WRONG_STATE
    assert checked(runtime, adapter, agency, second) == 3
    assert refused(lambda: identity_marks.release(runtime, operator, one.id)).status == 409


def test_an_account_is_not_handed_on_to_somebody_else(
    runtime: Runtime, adapter: Adapter, agency: Agency, browser: Any
) -> None:
    me = errand(runtime, make_person(runtime, "worker", name="홍길동"), browser())
    agency.says("홍길동", 1, AT)
    checked(runtime, adapter, agency, me)
    agency.says("홍길동", 2, AT)

    problem = refused(lambda: checked(runtime, adapter, agency, me))

    assert problem.code is ProblemCode.IDENTITY_KNOWN
    assert "make one of your own" in problem.next_en


def test_the_same_person_may_be_checked_again(
    runtime: Runtime, adapter: Adapter, agency: Agency, browser: Any, clock: FixedClock
) -> None:
    one = make_person(runtime, "worker", name="홍길동")
    agency.says("홍길동", 1, AT)
    checked(runtime, adapter, agency, errand(runtime, one, browser()))
    clock.advance(timedelta(days=365, seconds=1))
    assert level(runtime, one) == 0

    agency.says("홍길동", 1, clock.now().isoformat(), level=2)
    assert checked(runtime, adapter, agency, errand(runtime, one, browser())) == 2
    assert level(runtime, one) == 2


NO_ANSWER: dict[str, dict[str, Any]] = {
    "another name": {"name": "임꺽정"},
    "not passed": {"status": "failed"},
    "still under way": {"status": "pending"},
    "another check": {"check": "check-99"},
    "no level": {"level": None},
    "level as text": {"level": "3"},
    "level as truth": {"level": True},
    "level beyond": {"level": 9},
    "no ci": {"ci": ""},
    "short ci": {"ci": "abc="},
    "ci as a list": {"ci": ["a"]},
    "old answer": {"checked_at": (START - timedelta(hours=1)).isoformat()},
    "answer from the future": {"checked_at": (START + timedelta(hours=1)).isoformat()},
    "no zone": {"checked_at": "2026-11-02T01:00:00"},
    "no time": {"checked_at": "yesterday"},
}


@pytest.mark.parametrize("change", NO_ANSWER.values(), ids=NO_ANSWER)
def test_an_answer_that_is_not_clear_checks_nobody_and_uses_the_flow_up(
    runtime: Runtime,
    adapter: Adapter,
    agency: Agency,
    browser: Any,
    events: list[Any],
    change: dict[str, Any],
) -> None:
    me = errand(runtime, make_person(runtime, "worker", name="홍길동"), browser())
    agency.says("홍길동", 1, AT)
    agency.answer |= change

    problem = refused(lambda: checked(runtime, adapter, agency, me))
    agency.says("홍길동", 1, AT)
    again = refused(lambda: finish(runtime, adapter, me, agency.states[-1]))

    assert problem.status in {403, 409, 502, 503}
    told = problem.to_json("en")
    assert "sign in" not in told["title"] + told["next"]
    assert again.code is ENDED
    assert [e.outcome for e in events if e.action == "identity_check.refused"] == ["deny"] * 2
    with runtime.db.read() as session:
        assert identity_level(session, me.person_id, runtime.clock.now()) == 0
        assert session.scalar(select(IdentityMark.id)) is None


@pytest.mark.parametrize(
    "reply", [(500, b"{}"), (200, b"<html>"), (200, b"[1]"), (302, b"{}"), (200, b"[" * 100_000)]
)
def test_an_agency_that_is_down_or_talks_nonsense_is_no_answer(
    runtime: Runtime, adapter: Adapter, agency: Agency, browser: Any, reply: tuple[int, bytes]
) -> None:
    me = errand(runtime, make_person(runtime, "worker", name="홍길동"), browser())
    begin(runtime, adapter, me)
    agency.reply = reply

    problem = refused(lambda: finish(runtime, adapter, me, agency.states[-1]))

    assert problem.code is UNAVAILABLE
    assert refused(lambda: begin(runtime, adapter, me)).code is UNAVAILABLE


@pytest.mark.parametrize("start", ["https://evil.example/go", "javascript:alert(1)", ""])
def test_nobody_is_sent_anywhere_but_to_the_agency(
    runtime: Runtime, adapter: Adapter, agency: Agency, browser: Any, start: str
) -> None:
    me = errand(runtime, make_person(runtime, "worker", name="홍길동"), browser())
    agency.start = {"start_url": start}

    assert refused(lambda: begin(runtime, adapter, me)).code is UNAVAILABLE
    with runtime.db.read() as session:
        assert session.scalar(select(IdentityCheck.state_sha256)) is None


def test_a_flow_counts_in_its_own_session_within_its_time_and_once(
    runtime: Runtime, adapter: Adapter, agency: Agency, browser: Any, clock: FixedClock
) -> None:
    one, other = make_person(runtime, "worker", name="홍길동"), make_person(runtime, "thief")
    mine, elsewhere = errand(runtime, one, browser()), errand(runtime, one, browser())
    theirs = errand(runtime, other, browser())
    agency.says("홍길동", 1, AT)
    begin(runtime, adapter, mine)
    state = agency.states[-1]

    for stranger in (elsewhere, theirs):
        problem = refused(lambda stranger=stranger: finish(runtime, adapter, stranger, state))
        assert problem.code is ENDED
    assert refused(lambda: finish(runtime, adapter, mine, "\ud800")).code is ENDED
    assert finish(runtime, adapter, mine, state) == 3
    assert refused(lambda: finish(runtime, adapter, mine, state)).code is ENDED

    begin(runtime, adapter, mine)
    clock.advance(timedelta(minutes=15))
    late = refused(lambda: finish(runtime, adapter, mine, agency.states[-1]))
    assert late.code is ENDED


def test_flows_that_nobody_came_back_from_are_forgotten(
    runtime: Runtime, adapter: Adapter, browser: Any, clock: FixedClock
) -> None:
    begin(runtime, adapter, errand(runtime, make_person(runtime, "worker"), browser()))
    forget(runtime)
    with runtime.db.read() as session:
        assert session.scalar(select(IdentityCheck.state_sha256)) is not None

    clock.advance(timedelta(minutes=15))
    forget(runtime)
    with runtime.db.read() as session:
        assert session.scalar(select(IdentityCheck.state_sha256)) is None


def test_of_two_accounts_of_one_person_checked_at_once_one_wins(
    runtime: Runtime, adapter: Adapter, agency: Agency, browser: Any
) -> None:
    agency.says("홍길동", 1, AT)
    for turn in range(5):
        agency.says("홍길동", 100 + turn, AT)
        flows = []
        for who in range(4):
            one = make_person(runtime, f"p{turn}.{who}", name="홍길동")
            me = errand(runtime, one, browser(f"10.{turn}.{who}.1"))
            begin(runtime, adapter, me)
            flows.append((me, agency.states[-1]))

        def come_back(flow: tuple[Errand, str]) -> str:
            try:
                return str(finish(runtime, adapter, *flow))
            except Problem as problem:
                return str(problem.code)

        with ThreadPoolExecutor(4) as pool:
            answers = sorted(pool.map(come_back, flows))
        assert answers == ["3", *["identity_known"] * 3]


def test_of_eight_who_bring_the_same_state_back_one_is_heard(
    runtime: Runtime, adapter: Adapter, agency: Agency, browser: Any
) -> None:
    me = errand(runtime, make_person(runtime, "worker", name="홍길동"), browser())
    agency.says("홍길동", 1, AT)
    begin(runtime, adapter, me)

    def come_back(_turn: int) -> str:
        try:
            return str(finish(runtime, adapter, me, agency.states[-1]))
        except Problem as problem:
            return str(problem.code)

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(come_back, range(8)))
    assert answers == ["3", *["identity_check_ended"] * 7]


def test_the_database_holds_one_live_mark_for_each_person_and_nothing_but_hashes(
    runtime: Runtime,
) -> None:
    one, two = make_person(runtime, "one"), make_person(runtime, "two")

    def mark(person: Person, value: str) -> None:
        with runtime.db.write() as session:
            session.add(
                IdentityMark(
                    id=ids.new(runtime.clock),
                    person_id=person.id,
                    mark=value,
                    verifier="x",
                    level=1,
                    checked_at=START,
                )
            )

    mark(one, "a" * 64)
    with pytest.raises(IntegrityError):
        mark(two, "a" * 64)
    with pytest.raises(IntegrityError):
        mark(two, "not a hash")


def test_a_steward_records_a_paper_that_they_saw(
    runtime: Runtime, browser: Any, events: list[Any]
) -> None:
    steward, one = make_person(runtime, "steward"), make_person(runtime, "worker")
    grant(runtime, steward, Role.STEWARD)
    desk = browser()
    sign_in(desk, steward)

    answer = post(
        desk,
        "/identity-checks",
        account="worker",
        paper="passport",
        reason="2026-11-02 본관에서 여권을 보았습니다.",
    )

    assert answer.status_code == 303
    assert level(runtime, one) == 1
    assert events[-1].action == "identity.checked"
    assert events[-1].detail["verifier"] == "paper:passport"


def test_only_a_steward_or_a_manager_of_the_members_organisation_says_who_somebody_is(
    runtime: Runtime, company: Any
) -> None:
    one, stranger = make_person(runtime, "worker"), company.stranger
    seen = Seen("worker", Paper.PASSPORT, "본관에서 여권을 보았습니다.")
    now = runtime.clock.now()

    for who in (stranger, one, company.manager):
        answer = refused(lambda who=who: record_seen(runtime, acting_as(who), seen))
        assert answer.code is ProblemCode.NOT_FOUND
    with runtime.db.write() as session:
        session.add(
            Membership(
                id=ids.new(runtime.clock),
                person_id=one.id,
                organisation_id=company.org.id,
                started_at=now,
                confirmed_by=company.manager.id,
            )
        )
    record_seen(runtime, acting_as(company.manager), seen)
    own = Seen(company.manager.account, Paper.PASSPORT, "본관에서 여권을 보았습니다.")

    assert level(runtime, one) == 1
    assert (
        refused(lambda: record_seen(runtime, acting_as(company.manager), own)).code
        is ProblemCode.FORBIDDEN
    )
    nobody = Seen("nobody", Paper.PASSPORT, "본관에서 여권을 보았습니다.")
    unknown = refused(lambda: record_seen(runtime, acting_as(company.manager), nobody))
    assert unknown.code is ProblemCode.NOT_FOUND


def test_without_an_agency_the_page_says_whom_to_ask(runtime: Runtime, browser: Any) -> None:
    adapter = Adapter("", "", Outbound(()))
    me = errand(runtime, make_person(runtime, "worker"), browser())

    problem = refused(lambda: begin(runtime, adapter, me))

    assert problem.code is ProblemCode.WRONG_STATE
    assert "신분증 확인" in problem.next_ko
    assert "look at your identity card" in problem.next_en


def test_the_ci_stands_in_no_file_of_the_home(
    runtime: Runtime, adapter: Adapter, agency: Agency, browser: Any
) -> None:
    me = errand(runtime, make_person(runtime, "worker", name="홍길동"), browser())
    agency.says("홍길동", 31337, AT)
    checked(runtime, adapter, agency, me)
    ci = agency.answer["ci"].encode()

    files = [path for path in Path(runtime.settings.home).rglob("*") if path.is_file()]
    assert files
    assert all(ci not in path.read_bytes() for path in files)
