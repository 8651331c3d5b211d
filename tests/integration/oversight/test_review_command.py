"""`sumun audit review`: list, show, confirm, exception, judge, sign, export, check, anomalies."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from audit.event import Domain
from audit.search import Filters
from gateway.cli.main import root
from gateway.clock import FixedClock
from gateway.identity.models import Role
from gateway.journal import Act
from gateway.oversight import service_reviews
from gateway.oversight.models import LogReview
from gateway.oversight.reading import reading, verifier_key
from gateway.oversight.watch import look
from gateway.runtime import Runtime
from tests import people
from tests.integration.oversight.damage import run
from tests.integration.oversight.reviewing import at, download
from tests.world import build

Command = Callable[..., Result]
WHY = "연구책임자에게 사유를 확인했습니다."
STATEMENT = "지난달 접속기록을 모두 점검했습니다."


@pytest.fixture
def command(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run `sumun audit review …` on the test's home."""
    monkeypatch.setenv("SUMUN_DATABASE_URL", runtime.db.url)
    home = str(runtime.settings.home)
    words = lambda given: [*given, *([] if given[0] == "check" else ["--home", home])]  # noqa: E731
    return lambda *given: CliRunner().invoke(root, ["audit", "review", *words(given)])


@pytest.fixture
def untouched(runtime: Runtime, clock: FixedClock) -> LogReview:
    """The review of October: downloads under a grant, some without a purpose, one anomaly."""
    at(clock, "2026-10-05T10:00")
    world = build(runtime)
    download(runtime, world, 2)
    download(runtime, world, ref=None)
    at(clock, "2026-11-02T10:00")
    people.grant(runtime, people.person(runtime, "the.auditor"), Role.AUDITOR)
    look(runtime)
    (made,) = service_reviews.open_due(runtime)
    return made


@pytest.fixture
def review(runtime: Runtime, clock: FixedClock) -> LogReview:
    """The review of October, with its one reason confirmed."""
    at(clock, "2026-10-05T10:00")
    world = build(runtime)
    download(runtime, world, 2)
    at(clock, "2026-11-02T10:00")
    auditor = people.person(runtime, "the.auditor")
    # The command works by the real clock.
    people.grant(runtime, auditor, Role.AUDITOR)
    look(runtime)
    (made,) = service_reviews.open_due(runtime)
    service_reviews.confirm(runtime, people.acting_as(auditor), made.id, None)
    return made


def test_a_review_is_listed_signed_exported_and_checked(
    command: Command, runtime: Runtime, review: LogReview, tmp_path: Path
) -> None:
    listed = json.loads(command("list", "--json").stdout)
    assert (listed["state"], listed["from"], listed["until"], listed["due"]) == (
        "open", "2026-10-01", "2026-10-31", "2026-11-14",
    )  # fmt: skip
    shown = json.loads(command("show", str(review.id), "--json").stdout)
    assert (shown["downloads"], shown["waiting"]) == (1, 0)

    signed = command("sign", str(review.id), "--by", "the.auditor", "--statement", STATEMENT)
    assert signed.exit_code == 0, signed.output
    assert json.loads(command("show", str(review.id), "--json").stdout)["record"] is True
    exported = command("export", str(review.id), "--out", str(tmp_path))
    assert exported.exit_code == 0, exported.output

    files = [str(tmp_path / f"report.{ending}") for ending in ("csv", "pdf", "jsonl")]
    key = verifier_key(runtime)
    checked = command("check", str(tmp_path / "report.note"), *files, "--key", key)
    assert checked.exit_code == 0, checked.output


def test_a_file_that_was_altered_is_found(
    command: Command, runtime: Runtime, review: LogReview, tmp_path: Path
) -> None:
    command("sign", str(review.id), "--by", "the.auditor", "--statement", STATEMENT)
    command("export", str(review.id), "--out", str(tmp_path))
    note, csv = tmp_path / "report.note", tmp_path / "report.csv"
    key = verifier_key(runtime)

    csv.write_bytes(csv.read_bytes() + b" ")
    assert command("check", str(note), str(csv), "--key", key).exit_code == 1
    note.write_text(note.read_text("utf-8").replace("review", "revieW", 1), "utf-8")
    assert command("check", str(note), str(csv), "--key", key).exit_code == 1
    assert command("check", str(csv), str(csv), "--key", key).exit_code == 2
    assert command("check", str(note), str(csv), "--key", "nonsense").exit_code == 2


def test_what_was_altered_after_the_signature_exits_with_1(
    command: Command, runtime: Runtime, review: LogReview
) -> None:
    command("sign", str(review.id), "--by", "the.auditor", "--statement", STATEMENT)
    run(runtime.db, "DELETE FROM review_marks")

    shown = command("show", str(review.id), "--json")

    assert shown.exit_code == 1
    assert json.loads(shown.stdout)["record"] is False


@pytest.mark.parametrize(
    "words",
    [
        ("show", "00000000-0000-7000-8000-000000000000"),
        ("sign", "{id}", "--by", "nobody.here", "--statement", STATEMENT),
        ("sign", "{id}", "--by", "holder", "--statement", STATEMENT),
        ("sign", "{id}", "--by", "the.auditor", "--statement", "short"),
        ("export", "{id}", "--out", "{out}"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(
    command: Command, review: LogReview, tmp_path: Path, words: tuple[str, ...]
) -> None:
    result = command(*(word.format(id=review.id, out=tmp_path / "out") for word in words))

    assert result.exit_code == 2, result.output
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("sumun: ")


def test_anomalies_are_listed_with_their_figures(
    command: Command, runtime: Runtime, clock: FixedClock
) -> None:
    at(clock, "2026-11-02T10:00")
    download(runtime, build(runtime), ref=None)
    look(runtime)

    found = json.loads(command("anomalies", "--json").stdout)

    assert (found["rule"], found["account"], found["figures"]) == (
        "no_reason", "holder", {"downloads": 1},
    )  # fmt: skip
    assert command("anomalies", "--state", "dismissed", "--json").stdout == ""


def test_a_whole_review_is_done_from_the_host(
    command: Command, runtime: Runtime, untouched: LogReview
) -> None:
    review, by = str(untouched.id), ("--by", "the.auditor")
    known, unknown = sorted(
        rows(command("downloads", review, "--json")), key=lambda row: row["purpose"] is None
    )
    assert (known["account"], known["downloads"], known["purpose"]) == (
        "holder",
        2,
        "academic_research",
    )

    confirmed = command("confirm", review, "--all", *by, "--json")
    assert rows(confirmed) == [{"confirmed": 1, "waiting": 1}]
    (left,) = rows(command("downloads", review, "--waiting", "--json"))
    assert left["key"] == unknown["key"]
    marked = command("exception", review, str(left["no"]), "--reason", WHY, *by, "--json")
    assert rows(marked) == [{"exception": str(left["no"]), "waiting": 0}]
    (anomaly,) = rows(command("anomalies", "--json"))
    judged = command("judge", anomaly["id"], "dismissed", "--reason", WHY, *by)
    assert judged.exit_code == 0, judged.output
    signed = command("sign", review, *by, "--statement", STATEMENT)
    assert signed.exit_code == 0, signed.output

    (shown,) = rows(command("show", review, "--json"))
    assert (shown["exceptions"], shown["anomalies"], shown["unjudged"]) == (1, 1, 0)
    decided = {row["result"]: row["note"] for row in rows(command("downloads", review, "--json"))}
    assert decided == {"confirmed": "", "exception": WHY}


def test_a_single_exception_is_listed_and_withdrawn_on_the_host(
    command: Command, untouched: LogReview
) -> None:
    review, by = str(untouched.id), ("--by", "the.auditor")
    groups = rows(command("downloads", review, "--json"))
    key = f"entry:{groups[0]['last']}"

    marked = command("exception", review, key, "--reason", WHY, *by, "--json")
    listed = rows(command("downloads", review, "--json"))
    withdrawn = command("withdraw", review, key, *by, "--json")

    assert rows(marked)[0]["exception"] == key
    assert [(one["key"], one["result"], one["note"]) for one in listed[len(groups) :]] == [
        (key, "exception", WHY)
    ]
    assert rows(withdrawn) == [{"withdrawn": key, "waiting": len(groups)}]
    assert rows(command("downloads", review, "--json")) == groups


def test_the_entries_behind_an_anomaly_are_short_for_people_and_whole_for_programs(
    command: Command, runtime: Runtime, clock: FixedClock
) -> None:
    at(clock, "2026-11-02T10:00")
    world = build(runtime)
    first = [download(runtime, world, ref=None) for _ in range(3)]
    download(runtime, world)
    later = download(runtime, world, ref=None)
    look(runtime)

    (whole,) = rows(command("anomalies", "--json"))

    assert whole["events"] == [*first, later]
    assert f"{first[0]}-{first[-1]}, {later}" in command("anomalies").stdout


def test_downloads_are_named_by_number_or_by_key(command: Command, untouched: LogReview) -> None:
    review, by = str(untouched.id), ("--by", "the.auditor")
    known = next(row for row in rows(command("downloads", review, "--json")) if row["purpose"])
    unknown = next(row for row in rows(command("downloads", review, "--json")) if row != known)

    assert known["key"] not in command("downloads", review).stdout
    assert command("confirm", review, str(known["no"]), *by).exit_code == 0
    marked = command("exception", review, unknown["key"], "--reason", WHY, *by, "--json")

    assert rows(marked) == [{"exception": unknown["key"], "waiting": 0}]


def test_what_is_decided_on_the_host_names_the_operator_and_who_answers_for_it(
    command: Command, runtime: Runtime, untouched: LogReview
) -> None:
    command("confirm", str(untouched.id), "--all", "--by", "the.auditor")

    runtime.journal.log.checkpoint()
    with reading(runtime) as found:
        (row,) = found.log.search(Filters(action=Act.LOG_REASONS_CONFIRMED))
        leaf = found.log.leaf(row)
    auditor = people.person(runtime, "the.auditor")
    assert runtime.vault.token(Domain.PERSON, str(auditor.id)) in leaf.subjects
    assert "operator" in row.leaf.decode()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("confirm", "{id}", "--by", "the.auditor"), "--all"),
        (("confirm", "{id}", "x", "--all", "--by", "the.auditor"), "--all"),
        (("confirm", "{id}", "no|such|key", "--by", "the.auditor"), "Nothing was confirmed"),
        (("confirm", "{id}", "--all", "--by", "holder"), "Only an auditor"),
        (("exception", "{id}", "no|such|key", "--reason", WHY, "--by", "the.auditor"), "no such"),
        (("exception", "{id}", "entry:0", "--reason", WHY, "--by", "nobody"), "no account"),
        (("judge", "{id}", "dismissed", "--reason", WHY, "--by", "the.auditor"), "no such anomaly"),
        (
            ("judge", "{id}", "dismissed", "--reason", "short", "--by", "the.auditor"),
            "reason of 10",
        ),
        (("sign", "{id}", "--statement", "short", "--by", "the.auditor"), "statement of 10"),
        (("sign", "{id}", "--statement", STATEMENT, "--by", "the.auditor"), "Not signed yet"),
    ],
)
def test_a_decision_that_cannot_be_is_explained_in_one_line(
    command: Command, untouched: LogReview, words: tuple[str, ...], said: str
) -> None:
    result = command(*(word.format(id=untouched.id) for word in words))

    assert result.exit_code == 2, result.output
    (line,) = result.stderr.strip().splitlines()
    assert said in line


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]
