"""No answer is called whole when entries were pruned, or lost with a restored backup."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select

from gateway.app import create_app
from gateway.cli.main import root
from gateway.clock import FixedClock, to_ms
from gateway.errors import Problem, ProblemCode
from gateway.evidence.archive import archive
from gateway.evidence.prune import prune
from gateway.evidence.publication import publish_now
from gateway.identity.models import Role
from gateway.journal import Act, Actor, Entry
from gateway.oversight import service_reports
from gateway.oversight.directory import Directory
from gateway.oversight.models import LogReview
from gateway.oversight.service_search import Desk
from gateway.oversight.watch import look_and_open
from gateway.runtime import Runtime
from tests import people
from tests.integration.oversight.conftest import Browser
from tests.integration.oversight.reviewing import at, download
from tests.world import World, build

NOT_ALL = "The log no longer holds everything"
DIGEST = re.compile("[0-9a-f]{64}")
OCTOBER = {"since": "2026-10-01", "until": "2026-10-31"}


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    """The whole application: a row of the log links to agreements and datasets."""
    app = create_app(runtime)
    app.testing = True
    return app


@pytest.fixture
def world(runtime: Runtime, clock: FixedClock) -> World:
    """October 2026 has 300 downloads and rights that changed; its review has opened."""
    at(clock, "2026-10-05T10:00")
    made = build(runtime)
    runtime.journal.append(Entry(Actor.operator(), Act.ROLE_GRANTED, detail={"role": "steward"}))
    download(runtime, made, 300)
    at(clock, "2026-11-02T10:00")
    look_and_open(runtime)
    return made


@pytest.fixture
def pruned(runtime: Runtime, world: World, clock: FixedClock, tmp_path: Path) -> str:
    """Four years later the first 256 entries are in the archive of this digest."""
    before = to_ms(clock.now())
    at(clock, "2030-11-02T10:00")
    publish_now(runtime)
    made = archive(runtime, Actor.operator(), before, tmp_path / "old")
    prune(runtime, Actor.operator(), made)
    return made.sha256


@pytest.fixture
def restored(runtime: Runtime, world: World, clock: FixedClock) -> int:
    """The index of the entry that tells of a restored backup that lost ten entries."""
    at(clock, "2026-11-09T10:00")
    detail = {"lost_first": 400, "lost_end": 410}
    return runtime.journal.append(Entry(Actor.operator(), Act.LOG_RESTORED, detail=detail))


@pytest.fixture
def auditor(app: Flask, runtime: Runtime) -> Browser:
    """An auditor of that day at the browser."""
    person = people.person(runtime, "the.auditor")
    people.grant(runtime, person, Role.AUDITOR)
    client = app.test_client()
    people.sign_in(client, person)
    return Browser(client, person)


def get(auditor: Browser, path: str, status: int = 200, **query: str) -> str:
    answer = auditor.client.get(path, query_string={"lang": "en", **query})
    assert answer.status_code == status, answer.text
    return str(answer.text)


def desk(runtime: Runtime, auditor: Browser) -> Desk:
    return Desk(runtime, Directory(runtime.vault), people.acting_as(auditor.person))


def review_of(runtime: Runtime) -> LogReview:
    with runtime.db.read() as session:
        return session.scalars(select(LogReview)).first()  # type: ignore[return-value]


def sumun(runtime: Runtime, monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str, str]:
    monkeypatch.setenv("SUMUN_DATABASE_URL", runtime.db.url)
    done = CliRunner().invoke(root, [*words, "--home", str(runtime.settings.home)])
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/audit", {"dataset": "voices"}),
        ("/audit/item", {"dataset": "voices", "item": "0.wav"}),
        ("/audit/person", {"person": "holder", **OCTOBER}),
    ],
)
def test_after_pruning_an_answer_says_from_where_on_it_is_whole(
    pruned: str, auditor: Browser, path: str, query: dict[str, str]
) -> None:
    page = get(auditor, path, **query)

    assert NOT_ALL in page
    assert "Entries below 256 were archived" in page
    assert '<time datetime="2026-10-05' in page


def test_after_pruning_nobody_is_said_to_have_touched_nothing(
    pruned: str, auditor: Browser
) -> None:
    page = get(auditor, "/audit/item", dataset="voices", item="never.wav")

    assert "The log names nobody for this item" in page
    assert "Nobody has touched this item" not in page


def test_what_lies_after_the_pruned_part_needs_no_notice(pruned: str, auditor: Browser) -> None:
    page = get(auditor, "/audit", dataset="voices", since="2027-01-01")

    assert NOT_ALL not in page
    assert "Nothing was taken from the log in this time" in page


def test_a_restore_that_lost_entries_is_told_with_its_times_and_its_entry(
    restored: int, auditor: Browser
) -> None:
    page = get(auditor, "/audit/item", dataset="voices", item="never.wav")

    assert "A backup was restored on" in page
    assert "10 entries that had been published" in page
    assert f'href="/audit/{restored}"' in page
    assert "The log names nobody for this item" in page


def test_ones_own_history_says_the_same_without_a_link_for_auditors(
    restored: int, app: Flask, runtime: Runtime
) -> None:
    client = app.test_client()
    people.sign_in(client, people.person(runtime, "a.member"))

    page = client.get("/account/accesses?lang=en").text

    assert "A backup was restored on" in page
    assert f'href="/audit/{restored}"' not in page


def test_a_log_that_lost_nothing_has_no_notice(world: World, auditor: Browser) -> None:
    assert NOT_ALL not in get(auditor, "/audit", dataset="voices")
    assert NOT_ALL not in get(auditor, "/audit/item", dataset="voices", item="0.wav")


def test_a_pruned_entry_is_named_with_its_archive_on_page_and_host(
    pruned: str, auditor: Browser, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = get(auditor, "/audit/88", 404)
    code, _out, said = sumun(runtime, monkeypatch, "audit", "prove", "88")

    assert pruned in page
    assert code == 2
    assert pruned in said
    assert "pruned" in said


def test_an_index_never_given_is_not_called_pruned(
    pruned: str, runtime: Runtime, auditor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _out, said = sumun(runtime, monkeypatch, "audit", "prove", "90000")

    assert code == 2
    assert "no entry with this index" in said
    assert not DIGEST.search(said)


def test_a_search_on_the_host_says_what_is_missing(
    pruned: str, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("audit", "search", "--dataset", "voices")
    _code, _out, said = sumun(runtime, monkeypatch, *words)
    _code, _out, later = sumun(runtime, monkeypatch, *words, "--since", "2027-01-01")

    assert "entries below 256 were archived and pruned" in said
    assert "whole from 2026-10-06 on" in said
    assert "pruned" not in later


def test_rights_of_a_pruned_period_are_neither_called_none_nor_signed(
    pruned: str, auditor: Browser, runtime: Runtime
) -> None:
    page = get(auditor, "/audit/reports/rights", **OCTOBER)
    get(auditor, "/audit/reports/rights/report.csv", 409, **OCTOBER)
    get(auditor, "/audit/reports/rights/report.note", 409, **OCTOBER)

    assert "Choose days from 2026-10-06 on" in page
    assert "Nothing changed in this period" not in page
    later = service_reports.rights_report(desk(runtime, auditor), "2026-10-06", "2026-10-31")
    assert later.report.first >= 256


def test_a_review_of_pruned_entries_shows_no_zero_and_is_not_signed(
    pruned: str, auditor: Browser, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = review_of(runtime)
    page = get(auditor, f"/audit/reviews/{review.id}")

    assert "Not everything can be listed any more" in page
    assert "No downloads in this period" not in page
    assert 'name="statement"' not in page
    with pytest.raises(Problem) as refused:
        service_reports.sign(desk(runtime, auditor), review.id, "모두 보았고 이상이 없습니다.", 0)
    assert refused.value.code is ProblemCode.WRONG_STATE
    _code, shown, _said = sumun(
        runtime, monkeypatch, "audit", "review", "show", str(review.id), "--json"
    )
    assert '"downloads": null' in shown
    assert '"pruned": true' in shown
