"""Every authorised transfer has an outcome: its own, a reported one, or that there was none."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from werkzeug.test import Client

from gateway.cli.main import root
from gateway.clock import FixedClock
from gateway.delivery import pairs, reconcile
from gateway.delivery.outcomes import Reported, Verdict, take
from gateway.delivery.reconcile import GRACE
from gateway.journal import Actor
from gateway.oversight.offline import verify_home
from gateway.runtime import Runtime
from tests.integration.delivery.conftest import Issue, Logged

Read = Callable[..., list[Logged]]
Command = Callable[..., Result]


@pytest.fixture
def client(small: Flask) -> Client:
    return small.test_client()


@pytest.fixture
def begun(client: Client, issue: Issue, logged: Read) -> Logged:
    """A transfer that was authorised and of which nothing more was heard."""
    client.get(issue())
    return logged("download.authorized")[-1]


@pytest.fixture
def command(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("SUMUN_DATABASE_URL", runtime.db.url)
    home = str(runtime.settings.home)
    return lambda *words: CliRunner().invoke(root, ["audit", *words, "--home", home])


def report(begun: Logged, **changed: Any) -> Reported:
    """What an honest front server says about a transfer that went well."""
    detail = begun.detail
    given = {
        "intent": begun.event_id,
        "status": detail["status"],
        "first": detail["first"],
        "bytes": detail["length"],
        "time_ms": 1_795_000_000_000,
    }
    return Reported(**(given | changed))


def test_a_completed_transfer_names_its_intent_and_its_bytes(
    client: Client, issue: Issue, logged: Read, files: dict[str, bytes]
) -> None:
    client.get(issue(), headers={"Range": "bytes=100-"}, buffered=True)

    intent, outcome = logged()[-2:]
    assert (intent.action, outcome.action) == ("download.authorized", "download.completed")
    assert outcome.detail["intent"] == intent.event_id
    assert outcome.event_id == str(pairs.outcome_id(uuid.UUID(intent.event_id)))
    left = len(files["a.txt"]) - 100
    assert (outcome.detail["first"], outcome.detail["sent"]) == (100, left)
    assert outcome.outcome == "success"


def test_a_broken_connection_is_an_outcome_with_the_bytes_that_had_left(
    client: Client, issue: Issue, logged: Read, files: dict[str, bytes]
) -> None:
    answer = client.get(issue())
    first = next(iter(answer.response))
    answer.close()

    outcome = logged()[-1]
    assert (outcome.action, outcome.outcome, outcome.reason) == (
        "download.completed",
        "failure",
        "broken",
    )
    assert outcome.detail["sent"] == len(first) < len(files["a.txt"])


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("HEAD", "a.txt", {}, 200),
        ("GET", "empty.txt", {}, 200),
        ("GET", "a.txt", {"If-None-Match": "*"}, 304),
        ("GET", "a.txt", {"If-Match": '"other"'}, 412),
        ("GET", "a.txt", {"Range": "bytes=99999999-"}, 416),
    ],
)
def test_an_answer_without_a_byte_is_recorded_as_such_and_waits_for_nothing(
    runtime: Runtime,
    client: Client,
    issue: Issue,
    logged: Read,
    method: str,
    path: str,
    headers: dict[str, str],
    status: int,
) -> None:
    answer = client.open(issue(path), method=method, headers=headers, buffered=True)

    last = logged()[-1]
    assert answer.status_code == status
    assert last.action == "download.authorized"
    assert (last.detail["method"], last.detail["status"], last.detail["length"]) == (
        method,
        status,
        0,
    )
    assert list(reconcile.without_outcome(runtime, 0)) == []


def test_a_transfer_without_outcome_is_declared_once_its_grace_is_over(
    runtime: Runtime, clock: FixedClock, begun: Logged, logged: Read
) -> None:
    early = reconcile.sweep(runtime)
    clock.advance(GRACE)
    late, again = reconcile.sweep(runtime), reconcile.sweep(runtime)

    assert [one.index for one in early.waiting] == [begun.index]
    assert [one.index for one in late.unresolved] == [begun.index]
    assert (again.unresolved, again.waiting) == ((), ())
    (declared,) = logged("download.unresolved")
    assert declared.detail["intent"] == begun.event_id
    assert (declared.outcome, declared.dataset) == ("failure", begun.dataset)
    assert verify_home(runtime.settings).clean


def test_a_pass_goes_on_where_the_last_one_had_nothing_left(
    runtime: Runtime, client: Client, issue: Issue, begun: Logged
) -> None:
    reconcile.sweep(runtime)
    waiting = reconcile.position(runtime).next_index
    reconcile.settle(runtime, Actor.system(), 0, timedelta())
    size = runtime.journal.log.size()
    reconcile.sweep(runtime)

    assert waiting == begun.index
    assert reconcile.position(runtime).next_index == size


def test_a_pass_stops_at_the_first_transfer_that_may_be_under_way(
    runtime: Runtime, client: Client, clock: FixedClock, issue: Issue, logged: Read
) -> None:
    url = issue()
    client.get(url)
    clock.advance(timedelta(minutes=1))
    client.get(url)
    client.get(url)
    _, second, _ = logged("download.authorized")
    clock.advance(GRACE - timedelta(minutes=1))
    swept = reconcile.sweep(runtime)

    assert (len(swept.unresolved), [one.index for one in swept.waiting]) == (1, [second.index])
    assert reconcile.position(runtime).next_index == second.index


def test_a_transfer_dated_in_the_future_holds_up_nothing(
    runtime: Runtime, client: Client, clock: FixedClock, issue: Issue, begun: Logged
) -> None:
    clock.advance(timedelta(days=-1))

    assert [one.index for one in reconcile.sweep(runtime).unresolved] == [begun.index]


def test_two_workers_that_settle_at_once_declare_a_transfer_once(
    runtime: Runtime, clock: FixedClock, begun: Logged, logged: Read
) -> None:
    clock.advance(GRACE)
    (intent,) = reconcile.without_outcome(runtime, 0)

    for _ in range(2):
        reconcile._declare(runtime, Actor.system(), intent)

    assert len(logged("download.unresolved")) == 1


def test_an_outcome_that_comes_late_still_counts(
    runtime: Runtime, client: Client, clock: FixedClock, issue: Issue, logged: Read
) -> None:
    answer = client.get(issue())
    clock.advance(GRACE)
    reconcile.sweep(runtime)
    answer.close()

    assert [one.action for one in logged()[-2:]] == ["download.unresolved", "download.completed"]


def test_more_intents_than_a_page_holds_are_all_looked_at(
    runtime: Runtime, client: Client, issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "PAGE", 2)
    url = issue()
    for number in range(5):
        client.get(url, buffered=number % 2 == 0)

    assert len(list(reconcile.without_outcome(runtime, 0))) == 2


def test_a_reported_outcome_is_taken_as_delegated_and_only_once(
    runtime: Runtime, begun: Logged, logged: Read
) -> None:
    operator = Actor.operator()
    first = take(runtime, operator, report(begun))
    same = take(runtime, operator, report(begun))
    other = take(runtime, operator, report(begun, bytes=7))

    assert [one.verdict for one in (first, same, other)] == [
        Verdict.RECORDED,
        Verdict.KNOWN,
        Verdict.REPLAYED,
    ]
    (outcome,) = logged("download.completed")
    assert (outcome.outcome, outcome.reason) == ("delegated", None)
    assert outcome.detail["sent"] == begun.detail["length"]
    assert list(reconcile.without_outcome(runtime, 0)) == []


def test_a_report_of_less_says_that_the_transfer_broke(
    runtime: Runtime, begun: Logged, logged: Read
) -> None:
    take(runtime, Actor.operator(), report(begun, status=499, bytes=5))

    assert [(one.outcome, one.reason) for one in logged("download.completed")] == [
        ("delegated", "broken")
    ]


def test_a_report_that_does_not_fit_what_was_authorised_is_refused(
    runtime: Runtime, client: Client, issue: Issue, begun: Logged, logged: Read
) -> None:
    length = begun.detail["length"]
    client.get(issue(), buffered=True)
    served = logged("download.authorized")[-1]
    size = runtime.journal.log.size()
    verdicts = [
        take(runtime, Actor.operator(), one).verdict
        for one in (
            report(begun, bytes=length + 1),
            report(begun, first=1),
            report(begun, intent=str(uuid.uuid4())),
            report(begun, intent=logged("url.issued")[0].event_id),
            report(served),
        )
    ]

    assert verdicts == [
        Verdict.NOT_AUTHORISED,
        Verdict.NOT_AUTHORISED,
        Verdict.UNKNOWN_INTENT,
        Verdict.UNKNOWN_INTENT,
        Verdict.REPLAYED,
    ]
    assert runtime.journal.log.size() == size


def test_the_command_takes_a_file_of_outcomes_as_often_as_wanted(
    command: Command, begun: Logged, tmp_path: Path
) -> None:
    file = tmp_path / "outcomes.jsonl"
    file.write_text(report(begun).model_dump_json() + "\n")
    results = [command("outcomes", str(file), "--json") for _ in range(2)]
    file.write_text(report(begun, bytes=1).model_dump_json() + "\n")
    refused = command("outcomes", str(file), "--json")

    assert [(one.exit_code, json.loads(one.stdout)["verdict"]) for one in results] == [
        (0, "recorded"),
        (0, "known"),
    ]
    assert (refused.exit_code, json.loads(refused.stdout)["verdict"]) == (1, "replayed")


def test_a_file_that_is_not_as_documented_is_refused_whole_and_by_line(
    command: Command, begun: Logged, logged: Read, tmp_path: Path
) -> None:
    file = tmp_path / "outcomes.jsonl"
    file.write_text(f"{report(begun).model_dump_json()}\n{{}}\n")
    result = command("outcomes", str(file))

    assert result.exit_code == 2
    assert result.stderr.startswith("sumun: line 2: ")
    assert len(result.stderr.splitlines()) == 1
    assert logged("download.completed") == []


def test_a_file_that_is_not_there_is_said_in_one_line(command: Command, tmp_path: Path) -> None:
    result = command("outcomes", str(tmp_path / "none"))

    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


def test_the_command_lists_what_waits_and_declares_what_is_late(
    command: Command, runtime: Runtime, begun: Logged, logged: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = FixedClock(runtime.clock.now() + timedelta(minutes=10))
    monkeypatch.setattr("gateway.startup.SystemClock", lambda: later)
    waiting = command("reconcile", "--json")
    declared = command("reconcile", "--grace", "10", "--json")
    nothing = command("reconcile", "--grace", "0", "--json")

    states = [(one.exit_code, one.stdout and json.loads(one.stdout)["state"]) for one in
              (waiting, declared, nothing)]  # fmt: skip
    assert states == [(0, "waiting"), (1, "unresolved"), (0, "")]
    assert json.loads(declared.stdout)["intent"] == begun.event_id
    assert len(logged("log.searched")) == 3
