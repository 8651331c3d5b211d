"""Invitations: by managers only, to one mailbox, once; raced, replayed, forwarded, run out."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.identity import service_invitations as invitations
from gateway.identity import service_joining as joining
from gateway.identity import service_memberships as memberships
from gateway.identity import service_organisations as organisations
from gateway.identity import wiring
from gateway.identity.models import Membership, MembershipKind, Organisation
from gateway.identity.models_organisations import Invitation
from gateway.identity.service_invitations import Offer
from gateway.jobs.worker import Worker
from gateway.runtime import Runtime
from tests.integration.identity.company import Company
from tests.integration.identity.conftest import Seen
from tests.people import acting_as, make_person, post, sign_in

Browser = Callable[..., FlaskClient]
ROUNDS, AT_ONCE = 50, 8


def code_of(attempt: Callable[[], Any]) -> ProblemCode:
    with pytest.raises(Problem) as refused:
        attempt()
    return refused.value.code


def invite(runtime: Runtime, company: Company, email: str, **more: Any) -> str:
    """The token of a new invitation."""
    manager = acting_as(company.manager)
    row = invitations.invite(runtime, manager, company.org.id, Offer(email, **more))
    return invitations.token_of(runtime, row.id)


def test_an_invitation_is_mailed_accepted_once_and_counts_at_once(
    runtime: Runtime, company: Company, browser: Browser, events: list[Seen]
) -> None:
    chosen = make_person(runtime, "chosen")
    manager, invited = browser("10.0.0.1"), browser("10.0.0.2")
    sign_in(manager, company.manager)
    post(manager, f"/orgs/{company.org.id}/invitations", email=chosen.email, kind="member")
    Worker(runtime.db, runtime.clock, wiring.handlers(runtime)).drain()
    (letter,) = (runtime.settings.home / "outbox").glob("invitation-*.eml")
    link = link_in(letter.read_bytes())
    sign_in(invited, chosen)

    shown = invited.get(link)
    accepted = post(invited, link)
    again = post(invited, link)

    assert company.org.name in shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    assert (accepted.status_code, again.status_code) == (303, 404)
    with runtime.db.read() as session:
        ((place, org),) = memberships.memberships_of(session, chosen.id)
    assert (place.kind, place.confirmed_by, org.id) == (
        "member", company.manager.id, company.org.id,
    )  # fmt: skip
    acts = [seen.action for seen in events if seen.action.startswith("membership.")]
    assert acts == ["membership.invited", "membership.invitation_mailed", "membership.accepted"]
    assert all(chosen.email not in str(seen.detail) for seen in events)


def link_in(letter: bytes) -> str:
    import email
    from email import policy

    body = email.message_from_bytes(letter, policy=policy.default).get_content()
    found = re.search(r"/invitations/[\w=-]+", body)
    assert found
    return found.group()


def test_only_a_manager_of_this_organisation_invites_and_withdraws(
    runtime: Runtime, company: Company
) -> None:
    token = invite(runtime, company, "new@example.org")
    row, _org = joining.opened(runtime, token)

    for person in company.everybody_but_the_manager:
        who = acting_as(person)
        offer = Offer("x@example.org")
        assert (
            code_of(lambda w=who, o=offer: invitations.invite(runtime, w, company.org.id, o))
            is ProblemCode.FORBIDDEN
        )
        assert (
            code_of(lambda w=who: invitations.withdraw(runtime, w, row.id)) is ProblemCode.FORBIDDEN
        )
    invitations.withdraw(runtime, acting_as(company.manager), row.id)

    assert code_of(lambda: joining.opened(runtime, token)) is ProblemCode.NOT_FOUND
    with runtime.db.read() as session:
        kept = session.get_one(Invitation, row.id)
    assert (kept.email, kept.mailbox) == ("", "")


def test_the_pages_refuse_everybody_but_the_manager(
    runtime: Runtime, company: Company, browser: Browser
) -> None:
    address = f"/orgs/{company.org.id}/invitations"
    for number, person in enumerate(company.everybody_but_the_manager):
        client = browser(f"10.1.0.{number}")
        sign_in(client, person)

        assert client.get(address).status_code == 403
        assert post(client, address, email="a@example.org", kind="member").status_code == 403
        assert "/invitations" not in client.get(f"/orgs/{company.org.id}").text


def test_a_forwarded_link_does_not_open_to_another_address(
    runtime: Runtime, company: Company
) -> None:
    token = invite(runtime, company, "chosen@example.org")
    thief, chosen = make_person(runtime, "thief"), make_person(runtime, "chosen")

    assert (
        code_of(lambda: joining.accept(runtime, acting_as(thief), token)) is ProblemCode.FORBIDDEN
    )
    joining.accept(runtime, acting_as(chosen), token)


@pytest.mark.parametrize("wrong", ["", "x", "A" * 44, "\udcff", "%00"])
def test_a_made_up_link_is_not_found(runtime: Runtime, company: Company, wrong: str) -> None:
    invite(runtime, company, company.stranger.email)

    code = code_of(lambda: joining.accept(runtime, acting_as(company.stranger), wrong))

    assert code is ProblemCode.NOT_FOUND


def test_a_link_ends_after_a_week_and_its_address_is_forgotten(
    runtime: Runtime, clock: FixedClock, company: Company
) -> None:
    token = invite(runtime, company, company.stranger.email)
    clock.advance(timedelta(days=7))

    code = code_of(lambda: joining.accept(runtime, acting_as(company.stranger), token))
    invitations.forget_addresses(runtime)

    assert code is ProblemCode.NOT_FOUND
    with runtime.db.read() as session:
        assert session.scalars(select(Invitation.email)).all() == [""]


def test_a_second_invitation_cancels_the_first(runtime: Runtime, company: Company) -> None:
    first = invite(runtime, company, "stranger@example.org")
    second = invite(runtime, company, "Stranger+tag@Example.org")

    me = acting_as(company.stranger)
    assert code_of(lambda: joining.accept(runtime, me, first)) is ProblemCode.NOT_FOUND
    assert joining.accept(runtime, me, second).person_id == company.stranger.id


def test_what_a_manager_offered_holds_only_while_they_are_one(
    runtime: Runtime, company: Company
) -> None:
    token = invite(runtime, company, company.stranger.email)
    place = company.place_of(runtime, company.manager)
    memberships.end_membership(runtime, acting_as(company.steward), place.id)

    code = code_of(lambda: joining.accept(runtime, acting_as(company.stranger), token))

    assert code is ProblemCode.WRONG_STATE
    # The refusal took the use of the link back as well.
    assert joining.opened(runtime, token)


def test_a_suspended_organisation_neither_invites_nor_takes_in(
    runtime: Runtime, company: Company
) -> None:
    token = invite(runtime, company, company.stranger.email)
    organisations.suspend_organisation(
        runtime, acting_as(company.steward), company.org.id, "국세청 조회 결과 폐업"
    )

    assert code_of(lambda: invite(runtime, company, "other@example.org")) is ProblemCode.WRONG_STATE
    code = code_of(lambda: joining.accept(runtime, acting_as(company.stranger), token))
    assert code is ProblemCode.WRONG_STATE


def test_an_invitation_confirms_a_request_that_waits_and_refuses_a_member(
    runtime: Runtime, company: Company
) -> None:
    me = acting_as(company.stranger)
    asked = memberships.request_membership(runtime, me, company.org.id, MembershipKind.MANAGER)
    token = invite(runtime, company, company.stranger.email)

    place = joining.accept(runtime, me, token)

    assert (place.id, place.kind) == (asked.id, MembershipKind.MEMBER)
    code = code_of(lambda: invite(runtime, company, company.member.email))
    assert code is ProblemCode.CONFLICT


def test_one_mailbox_gets_no_flood_of_letters(runtime: Runtime, company: Company) -> None:
    for _time in range(5):
        invite(runtime, company, "flooded@example.org")

    code = code_of(lambda: invite(runtime, company, "flooded@example.org"))

    assert code is ProblemCode.TOO_MANY_REQUESTS


def test_of_parallel_uses_of_one_link_exactly_one_wins(runtime: Runtime, company: Company) -> None:
    me = acting_as(company.stranger)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _round in range(ROUNDS):
            with runtime.db.write() as session:
                org = session.get_one(Organisation, company.org.id)
                offer = Offer(company.stranger.email)
                row = invitations.add(session, runtime, acting_as(company.manager), org, offer)
            token = invitations.token_of(runtime, row.id)
            won = race(pool, partial(joining.accept, runtime, me, token))
            assert won == 1
            place = company.place_of(runtime, company.stranger)
            memberships.end_membership(runtime, me, place.id)
    with runtime.db.read() as session:
        theirs = select(Membership.id).where(Membership.person_id == company.stranger.id)
        assert len(session.scalars(theirs).all()) == ROUNDS


def race(pool: ThreadPoolExecutor, act: Callable[[], Any]) -> int:
    """How many of several calls at the same moment went through; the others found no link."""
    start = Barrier(AT_ONCE)

    def run(_number: int) -> ProblemCode | None:
        start.wait(timeout=30)
        try:
            act()
        except Problem as problem:
            return problem.code
        return None

    ends = list(pool.map(run, range(AT_ONCE)))
    assert set(ends) <= {None, ProblemCode.NOT_FOUND}
    return ends.count(None)
