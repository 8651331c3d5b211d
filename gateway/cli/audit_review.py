"""`sumun audit review`: the periodic review of the access log, and its reports."""

from __future__ import annotations

import hashlib
import re
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from gateway.cli import audit_judging
from gateway.cli.audit_fsck import opened
from gateway.cli.audit_judging import desk_of, in_the_name_of
from gateway.cli.common import FOUND, Home, emit, fail, home_option, json_option

if TYPE_CHECKING:
    from gateway.oversight.models import LogReview
    from gateway.runtime import Runtime

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_NAMED = re.compile(r"(?P<name>[a-z.]+) sha256 (?P<digest>[0-9a-f]{64})")


@click.group()
def review() -> None:
    """The periodic review of the access log (접속기록 점검).

    In this order: list, show ID, downloads ID, confirm and exception for their reasons, anomalies
    and judge, sign ID, export ID.
    """


for _command in (
    audit_judging.downloads, audit_judging.confirm, audit_judging.mark_exception,
    audit_judging.withdraw, audit_judging.judge,
):  # fmt: skip
    review.add_command(_command)


@review.command("list")
@json_option
@home_option
def list_reviews(home: Home, as_json: bool) -> None:
    """List every review, newest first."""
    from gateway.oversight import service_reviews

    with opened(home) as runtime, runtime.db.read() as session:
        emit([_row(one, runtime) for one in service_reviews.list_all(session)], as_json)


@review.command()
@click.argument("review_id", metavar="ID", type=click.UUID)
@json_option
@home_option
@click.pass_context
def show(context: click.Context, home: Home, review_id: uuid.UUID, as_json: bool) -> None:
    """Show what a review covers; of a signed one, whether its report can be made again.

    Exit status 1: the report is not what was signed.
    """
    from gateway.oversight import gaps, service_anomalies, service_reports, service_reviews
    from gateway.oversight.reading import reading

    with opened(home) as runtime:
        with reading(runtime) as log:
            sheet = service_reviews.worksheet(log, review_id)
            found = service_anomalies.of_review(log.session, sheet.review)
            pruned = gaps.is_pruned(log, sheet.review)
        fields = _row(sheet.review, runtime) | {
            "downloads": None if pruned else len(sheet.groups),
            "waiting": None if pruned else sheet.waiting,
            "exceptions": None if pruned else sheet.excepted,
            "anomalies": len(found),
            "unjudged": sum(one.state == "open" for one in found),
            "pruned": pruned,
        }
        if sheet.review.signed_at is not None:
            again = service_reports.reproduce(desk_of(runtime), review_id)
            fields |= {"record": again.record, "csv": again.csv, "erased": again.erased}
    emit(fields, as_json)
    altered = fields.get("csv") is False and not fields["erased"]
    if not fields.get("pruned") and (fields.get("record") is False or altered):
        context.exit(FOUND)


@review.command()
@click.argument("review_id", metavar="ID", type=click.UUID)
@click.option("--by", required=True, help="The auditor who signs, by account.")
@click.option("--statement", required=True, help="What was looked at and what follows from it.")
@json_option
@home_option
def sign(home: Home, review_id: uuid.UUID, *, by: str, statement: str, as_json: bool) -> None:
    """Sign the review ID in the name of the auditor --by; every reason must have been judged."""
    from gateway.oversight import service_reports, service_reviews
    from gateway.oversight.reading import reading

    with opened(home) as runtime:
        desk = desk_of(runtime, in_the_name_of(runtime, by))
        with reading(runtime) as log:
            revision = service_reviews.get(log.session, review_id).revision
        signed = service_reports.sign(desk, review_id, statement, revision)
        emit(_row(signed, runtime), as_json)


@review.command()
@click.argument("review_id", metavar="ID", type=click.UUID)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True,
              help="The folder for record, CSV, PDF and signature.")  # fmt: skip
@json_option
@home_option
def export(home: Home, review_id: uuid.UUID, out: Path, as_json: bool) -> None:
    """Write the report of a signed review into a folder."""
    from gateway.oversight import service_reports

    with opened(home) as runtime:
        made = service_reports.export(desk_of(runtime), review_id)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, data in made.files.items():
            (out / name).write_bytes(data)
    except OSError as error:
        raise fail(f"{out} cannot be written: {error.strerror}") from error
    rows = [
        {"file": name, "bytes": len(data), "sha256": made.sha256(name)}
        for name, data in sorted(made.files.items())
    ]
    emit(rows, as_json)


@review.command()
@click.argument("note", type=_FILE)
@click.argument("files", type=_FILE, nargs=-1, required=True)
@click.option("--key", required=True, help="The log's verifier key, from a source you trust.")
@json_option
@click.pass_context
def check(
    context: click.Context, note: Path, files: tuple[Path, ...], key: str, as_json: bool
) -> None:
    """Check files of a report against their signature NOTE; needs no gateway.

    A file must have kept its ending (.csv, .pdf, .jsonl). Exit status 1: not what was signed.
    """
    from audit.errors import AuditError
    from audit.note import Verifier, parse_note

    try:
        signed = parse_note(note.read_text("utf-8"))
        verifier = Verifier.parse(key)
    except (AuditError, OSError, UnicodeDecodeError) as error:
        raise fail(f"note or key cannot be read: {error}") from error
    fault = _fault(signed, verifier)
    digests = {} if fault else {one["name"]: one["digest"] for one in _NAMED.finditer(signed.text)}
    rows = [_checked(path, digests) for path in files]
    emit(rows, as_json)
    if fault or not all(row["signed"] for row in rows):
        click.echo(f"sumun: NOT verified{': ' + fault if fault else ''}", err=True)
        context.exit(FOUND)


@review.command()
@click.option("--state", type=click.Choice(["open", "confirmed", "dismissed"]))
@json_option
@home_option
def anomalies(home: Home, state: str | None, as_json: bool) -> None:
    """List what the rules found unusual, newest first, at most 200."""
    from gateway.oversight import service_anomalies
    from gateway.oversight.models import AnomalyState
    from gateway.oversight.reading import reading
    from gateway.oversight.report_rows import Accounts
    from gateway.oversight.service_search import record_view
    from gateway.web.paging import Window

    wanted = AnomalyState(state) if state else None
    with opened(home) as runtime, reading(runtime) as log:
        desk = desk_of(runtime)
        record_view(desk, "anomalies")
        names = Accounts(runtime, log, desk.directory)
        rows = [
            {
                "id": str(row.id), "rule": row.rule, "account": names(row.person),
                "entries": row.entries, "state": row.state, "figures": row.evidence["figures"],
                "events": row.evidence["events"] if as_json else _ranges(row.evidence["events"]),
            }
            for row in service_anomalies.page(log.session, Window(200, "cli"), wanted, "")[:200]
        ]  # fmt: skip
    emit(rows, as_json)


def _ranges(indexes: list[int]) -> str:
    """Indexes for people: each run of neighbours by its ends."""
    found: list[list[int]] = []
    for index in indexes:
        if found and index == found[-1][-1] + 1:
            found[-1][1:] = [index]
        else:
            found.append([index])
    return ", ".join("-".join(map(str, run)) for run in found)


def _last_day(end: datetime, zone: ZoneInfo) -> str:
    """The last whole day before a moment, as the pages show it."""
    return (end.astimezone(zone) - timedelta(microseconds=1)).date().isoformat()


def _row(one: LogReview, runtime: Runtime) -> dict[str, Any]:
    zone = runtime.settings.zone
    return {
        "id": str(one.id),
        "from": one.start_at.astimezone(zone).date().isoformat(),
        "until": _last_day(one.end_at, zone),
        "first": one.first_index,
        "end": one.end_index,
        "state": one.state,
        "due": _last_day(one.due_at, zone),
        "record_sha256": one.record_sha256,
    }


def _fault(signed: Any, verifier: Any) -> str:
    from audit.errors import AuditError

    try:
        verifier.check(signed)
    except AuditError as error:
        return str(error)
    return "" if signed.text.startswith("sumun-report/v1 ") else "this note is no report's"


def _checked(path: Path, digests: dict[str, str]) -> dict[str, Any]:
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise fail(f"{path} cannot be read: {error.strerror}") from error
    wanted = digests.get(f"report{path.suffix}")
    return {"file": str(path), "sha256": digest, "signed": digest == wanted}
