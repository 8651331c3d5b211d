"""`sumun audit`: verify the log, prove an entry, search."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from gateway.cli.audit_report import print_report, printable
from gateway.cli.common import FOUND, Home, emit, fail, home_option, json_option
from gateway.cli.later import LaterGroup

if TYPE_CHECKING:
    from audit.verify import Report
    from gateway.oversight.entries import Seen
    from gateway.oversight.service_proof import Proof
    from gateway.oversight.service_search import Desk
    from gateway.runtime import Runtime


# One line a command, as `"name": "module:attribute"`.
LATER: dict[str, str] = {
    "archive": "gateway.cli.audit_archive:archive",
    "keys": "gateway.cli.audit_keys:keys",
    "check-receipt": "gateway.cli.audit_receipt:check_receipt",
    "monitor": "gateway.cli.audit_monitor:monitor",
    "witness": "gateway.cli.audit_witness:witness",
    "erase": "gateway.cli.audit_erase:erase",
    "export": "gateway.cli.audit_export:export",
    "fsck": "gateway.cli.audit_fsck:fsck",
    "open-redacted": "gateway.cli.audit_export:open_redacted",
    "publish": "gateway.cli.audit_fsck:publish",
    "verify-bundle": "gateway.cli.audit_export:verify_bundle",
    "outcomes": "gateway.cli.audit_reconcile:outcomes",
    "reconcile": "gateway.cli.audit_reconcile:reconcile",
    "review": "gateway.cli.audit_review:review",
}


@click.group(cls=LaterGroup, later=LATER)
def audit() -> None:
    """The audit log: verify, prove, search."""


@audit.command()
@click.option("--full", is_flag=True, help="Re-read every entry, as is done in any case.")
@click.option("--projection", is_flag=True, help="Compare the search columns, as well.")
@click.option(
    "--since",
    type=click.File(encoding="utf-8"),
    help="A checkpoint kept from earlier, which the log must extend.",
)
@json_option
@home_option
@click.pass_context
def verify(
    context: click.Context,
    /,
    home: Home,
    as_json: bool,
    since: TextIO | None,
    **_always: bool,
) -> None:
    """Read every entry again and compare it with everything that was built from it.

    The main database is read, whatever copy SUMUN_AUDIT_DATABASE_URL gives the auditors' pages.
    Nothing is left out without --full and --projection; scripts may name what they rely on.
    Exit status 0: the log is as it was written. 1: each fault is named with its index.
    """
    from gateway.oversight.offline import database_name, verify_home

    settings = home.settings()
    report = verify_home(settings, None if since is None else since.read())
    checkpoint = _recorded(home, report) if report.clean else report.checkpoint
    print_report(report, checkpoint, database_name(settings), as_json)
    if not report.clean:
        context.exit(FOUND)


@audit.command()
@click.argument("index", type=click.IntRange(min=0, max=2**63 - 1))
@click.option("--out", type=click.Path(path_type=Path), help="Write the proof to this file.")
@json_option
@home_option
@click.pass_context
def prove(context: click.Context, home: Home, index: int, out: Path | None, as_json: bool) -> None:
    """Print or write the inclusion proof of an entry (C2SP tlog-proof), and verify it."""
    from gateway.oversight.reading import verifier_key
    from gateway.oversight.service_proof import prove as make
    from gateway.oversight.service_search import record_reading

    with _opened(home) as runtime:
        proof, vkey = make(runtime, index, fresh=False), verifier_key(runtime)
        record_reading(_desk(runtime), index)
    if out is not None:
        _write(out, proof.text)
    _print_proof(proof, vkey, out, as_json)
    if not proof.holds:
        context.exit(FOUND)


@audit.command()
@click.option("--person", help="Account, id, token, operator:<uid> or system:worker.")
@click.option("--organisation", help="Name, business number or id.")
@click.option("--dataset", help="Slug.")
@click.option("--item", help="Path of a file.")
@click.option("--action", help="Code; one that ends in a dot stands for all below it.")
@click.option("--outcome", help="success, failure, allow, deny, review or delegated.")
@click.option("--ref", help="Reference, such as grant:<id>.")
@click.option("--since", help="Day or moment (ISO 8601), included.")
@click.option("--until", help="Day, included, or moment, left out.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@json_option
@home_option
def search(home: Home, limit: int, as_json: bool, **conditions: str | None) -> None:
    """Search the log, newest first. The search itself is recorded.

    Where no account did it, operator:<uid> is a command on the host by that Unix user,
    system:worker the gateway itself, and # begins the token of somebody erased or unknown.
    """
    question = _question(conditions)
    from gateway.oversight.gaps import told
    from gateway.oversight.service_search import take

    with _opened(home) as runtime:
        found, gaps = take(_desk(runtime), question, limit), told(runtime, question.since)
        zone = runtime.settings.zone
    rows = [_full(seen) if as_json else _short(seen, zone) for seen in found]
    emit(rows, as_json)
    for line in gaps:
        click.echo(f"sumun: {line}", err=True)


@contextmanager
def _opened(home: Home) -> Iterator[Runtime]:
    """The runtime; a log that cannot be written ends the command before anything is shown."""
    from audit.errors import LogUnavailable

    try:
        with home.runtime() as runtime:
            yield runtime
    except LogUnavailable as error:
        raise fail(f"the audit log cannot be written: {error}") from error


def _desk(runtime: Runtime) -> Desk:
    from gateway.journal import Actor
    from gateway.oversight.directory import Directory
    from gateway.oversight.service_search import Desk

    return Desk(runtime, Directory(runtime.vault), Actor.operator())


def _recorded(home: Home, report: Report) -> str | None:
    """Record a clean verification and return the checkpoint that covers it.

    It may be on a medium that cannot be written: then that is said, and nothing else.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from audit.errors import AuditError
    from gateway.db import WriteBusy
    from gateway.errors import OperatorError
    from gateway.oversight.service_proof import record_verification

    try:
        with home.runtime() as runtime:
            record_verification(_desk(runtime), report)
            return runtime.journal.log.checkpoint().note
    except (AuditError, OperatorError, SQLAlchemyError, WriteBusy, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        click.echo(f"sumun: this verification could not be recorded: {reason}", err=True)
        return report.checkpoint


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise fail(f"{path} cannot be written: {error.strerror}") from error


def _print_proof(proof: Proof, vkey: str, out: Path | None, as_json: bool) -> None:
    size = proof.checkpoint.size
    if as_json:
        fields = {"index": proof.index, "verified": proof.holds, "fault": proof.fault}
        emit(fields | {"size": size, "verifier_key": vkey, "proof": proof.text}, True)
        return
    if out is None:
        click.echo(proof.text, nl=False)
    if proof.holds:
        click.echo(f"verified: entry {proof.index} is among the {size} signed for", err=True)
    else:
        click.echo(printable(f"NOT verified: entry {proof.index}: {proof.fault}"), err=True)
    click.echo(f"verifier key: {vkey}", err=True)
    name = "FILE" if out is None else out
    click.echo(f"anywhere: python verify_bundle.py --proof {name} --key '{vkey}'", err=True)


def _question(conditions: dict[str, str | None]) -> Any:
    """The conditions, checked as those of the API are."""
    from pydantic import ValidationError

    from gateway.oversight.schemas import EntryQuery

    given = {name: value for name, value in conditions.items() if value}
    try:
        return EntryQuery.model_validate(given).question
    except ValidationError as error:
        first = error.errors()[0]
        raise fail(f"--{first['loc'][0]}: {first['msg']}") from error


def _short(seen: Seen, zone: Any) -> dict[str, Any]:
    return {
        "index": seen.index,
        "time": seen.at.astimezone(zone).isoformat(sep=" ", timespec="seconds"),
        "account": _account(seen),
        "action": seen.action,
        "outcome": str(seen.outcome),
        "dataset": seen.dataset,
        "item": seen.item,
        "ref": seen.ref,
    }


def _account(seen: Seen) -> str | None:
    """Who did it, as --person takes it; a token where nobody is known."""
    from gateway.journal import Actor, PartyKind

    if seen.kind == PartyKind.SYSTEM:
        return Actor.system().party.person
    return None if seen.actor is None else seen.actor.account or str(seen.actor)


def _full(seen: Seen) -> dict[str, Any]:
    from gateway.oversight.schemas import entry_out

    return entry_out(seen).model_dump(mode="json")
