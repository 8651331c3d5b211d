"""What an auditor decides in a review, done on the host: reasons, exceptions, anomalies.

Every command takes `--by`: the operator acts, and the auditor named there answers for it.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.audit_fsck import opened
from gateway.cli.common import Home, emit, fail, home_option, json_option

if TYPE_CHECKING:
    from gateway.journal import Actor
    from gateway.oversight.downloads import Group
    from gateway.oversight.report import Row
    from gateway.oversight.report_rows import Accounts
    from gateway.oversight.service_search import Desk
    from gateway.runtime import Runtime

_REVIEW = click.argument("review_id", metavar="ID", type=click.UUID)
# The key of downloads without a grant begins with a hyphen; it is no option.
_KEYS = {"ignore_unknown_options": True}
_BY = click.option("--by", required=True, help="The auditor who answers for it, by account.")
_REASON = click.option("--reason", required=True, help="Why: 10 to 1,000 characters, no names.")


@click.command()
@_REVIEW
@click.option("--waiting", is_flag=True, help="Only those that nobody has decided on yet.")
@json_option
@home_option
def downloads(home: Home, review_id: uuid.UUID, *, waiting: bool, as_json: bool) -> None:
    """List the downloads of the review ID by person, dataset and grant, and what was decided.

    `no` is what the other commands take: the index of the first of these downloads, or
    entry:INDEX for a single one that is an exception.
    """
    from gateway.oversight import gaps, service_reviews
    from gateway.oversight.reading import reading
    from gateway.oversight.report_rows import Accounts, exception_rows
    from gateway.oversight.service_search import record_view

    with opened(home) as runtime, reading(runtime) as log:
        desk = desk_of(runtime)
        sheet = service_reviews.worksheet(log, review_id)
        record_view(desk, "review", f"log_review:{review_id}")
        names = Accounts(runtime, log, desk.directory)
        shown = [one for one in sheet.groups if one.mark is None or not waiting]
        rows = [_fields(one, names) | ({"key": one.key} if as_json else {}) for one in shown]
        single = [] if waiting else list(exception_rows(log, sheet.exceptions))
        emit([*rows, *(_single(one, names, as_json) for one in single)], as_json)
        if gaps.is_pruned(log, sheet.review):
            click.echo("sumun: entries of this review were archived and deleted", err=True)


@click.command(context_settings=_KEYS)
@_REVIEW
@click.argument("keys", metavar="[NO]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All with a purpose that are not decided yet.")
@_BY
@json_option
@home_option
def confirm(
    home: Home, review_id: uuid.UUID, keys: tuple[str, ...], *, every: bool, by: str, as_json: bool
) -> None:
    """Confirm the reasons of the downloads NO… of the review ID, or of all that can be."""
    from gateway.oversight import service_reviews

    if every == bool(keys):
        raise fail("name the downloads by their numbers, or say --all")
    with opened(home) as runtime:
        actor = in_the_name_of(runtime, by)
        wanted = None if every else _keys(runtime, review_id, keys)
        count = service_reviews.confirm(runtime, actor, review_id, wanted)
        emit({"confirmed": count, "waiting": _waiting(runtime, review_id)}, as_json)


@click.command("exception", context_settings=_KEYS)
@_REVIEW
@click.argument("key", metavar="NO")
@_REASON
@_BY
@json_option
@home_option
def mark_exception(
    home: Home, review_id: uuid.UUID, key: str, *, reason: str, by: str, as_json: bool
) -> None:
    """Mark the downloads NO of the review ID, or a single one (entry:INDEX), as an exception."""
    from gateway.oversight import service_exceptions

    with opened(home) as runtime:
        actor = in_the_name_of(runtime, by)
        (wanted,) = _keys(runtime, review_id, [key])
        service_exceptions.mark_exception(runtime, actor, review_id, wanted, reason)
        emit({"exception": key, "waiting": _waiting(runtime, review_id)}, as_json)


@click.command(context_settings=_KEYS)
@_REVIEW
@click.argument("key", metavar="NO")
@_BY
@json_option
@home_option
def withdraw(home: Home, review_id: uuid.UUID, key: str, *, by: str, as_json: bool) -> None:
    """Withdraw the exception NO of the open review ID, which --by has marked."""
    from gateway.oversight import service_exceptions

    with opened(home) as runtime:
        actor = in_the_name_of(runtime, by)
        (wanted,) = _keys(runtime, review_id, [key])
        service_exceptions.withdraw(runtime, actor, review_id, wanted)
        emit({"withdrawn": key, "waiting": _waiting(runtime, review_id)}, as_json)


@click.command()
@click.argument("anomaly_id", metavar="ANOMALY", type=click.UUID)
@click.argument("judgement", type=click.Choice(["confirmed", "dismissed"]))
@_REASON
@_BY
@json_option
@home_option
def judge(
    home: Home, anomaly_id: uuid.UUID, judgement: str, *, reason: str, by: str, as_json: bool
) -> None:
    """Say of an ANOMALY that something is wrong (confirmed) or nothing is (dismissed)."""
    from gateway.oversight import service_anomalies
    from gateway.oversight.models import AnomalyState

    with opened(home) as runtime:
        actor, state = in_the_name_of(runtime, by), AnomalyState(judgement)
        service_anomalies.decide(runtime, actor, anomaly_id, state, reason)
        emit({"anomaly": str(anomaly_id), "state": judgement}, as_json)


def desk_of(runtime: Runtime, actor: Actor | None = None) -> Desk:
    """The desk of the operator on the host, or of `actor`."""
    from gateway.journal import Actor
    from gateway.oversight.directory import Directory
    from gateway.oversight.service_search import Desk

    return Desk(runtime, Directory(runtime.vault), actor or Actor.operator())


def in_the_name_of(runtime: Runtime, account: str) -> Actor:
    """The operator as the actor, with the auditor who answers for it.

    Raises Problem 404 for an unknown account, 403 for one that is no auditor now.
    """
    from gateway.identity.service_people import by_account
    from gateway.journal import Actor
    from gateway.oversight.service_reviews import named_auditor

    with runtime.db.read() as session:
        person = by_account(session, account)
    named_auditor(runtime, person.id)
    return dataclasses.replace(Actor.operator(), person_id=person.id)


def _keys(runtime: Runtime, review_id: uuid.UUID, given: Iterable[str]) -> list[str]:
    """The keys of downloads that were named by their numbers; a key stands for itself."""
    from gateway.oversight.reading import reading
    from gateway.oversight.service_reviews import worksheet

    with reading(runtime) as log:
        known = {str(one.first): one.key for one in worksheet(log, review_id).groups}
    return [known.get(one, one) for one in given]


def _waiting(runtime: Runtime, review_id: uuid.UUID) -> int:
    from gateway.oversight.reading import reading
    from gateway.oversight.service_reviews import worksheet

    with reading(runtime) as log:
        return worksheet(log, review_id).waiting


def _fields(group: Group, names: Accounts) -> dict[str, Any]:
    return {
        "no": group.first,
        "account": names(group.person),
        "dataset": group.dataset,
        "purpose": group.purpose,
        "downloads": group.entries,
        "last": group.last,
        "result": group.mark.kind if group.mark else None,
        "note": group.mark.note if group.mark else None,
    }


def _single(row: Row, names: Accounts, as_json: bool) -> dict[str, Any]:
    """A single download that is an exception, under the same names as a group."""
    key = f"entry:{row.first}"
    fields = {
        "no": key,
        "account": names(row.person),
        "dataset": row.dataset,
        "purpose": row.purpose,
        "downloads": row.entries,
        "last": row.last,
        "result": "exception",
        "note": row.note,
    }
    return fields | ({"key": key} if as_json else {})
