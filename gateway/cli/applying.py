"""`sumun apply`, `applications` and `sign`, from the researcher's side."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from gateway.cli.connection import signed_in, told
from gateway.cli.output import emit, json_option, plain
from gateway.client import applying as client
from gateway.client.errors import ClientError, Refused
from gateway.client.http import Api

STDIN = "-"
# Far more than any plan may have; a device is not read without end.
LONGEST_PLAN = 1 << 20
ABOUT = ("number", "id", "state", "title", "purpose", "uses", "supervisor", "team", "submitted_at")
ITEM = ("dataset", "tier", "state", "turn", "turn_since", "due_at", "reason", "grant_id")


def study_options(command: Callable[..., None]) -> Callable[..., None]:
    """What data use terms (DUO) ask about a study; what is left out is not said."""
    options = (
        click.option("--kind", "study_kinds", type=click.Choice(client.STUDY_KINDS), multiple=True,
                     help="What the study does; repeat for more."),
        click.option("--disease", "diseases", metavar="ID", multiple=True,
                     help="A disease studied, such as DOID:162; repeat for more."),
        click.option("--non-profit/--for-profit", "non_profit_organisation", default=None,
                     help="Whether the organisation is for profit."),
        click.option("--non-commercial/--commercial", default=None,
                     help="Whether the use is commercial."),
        click.option("--genetic/--not-genetic", default=None,
                     help="Whether it is a genetic study."),
        click.option("--needs-judgement", is_flag=True,
                     help="It touches people or matters that need special care."),
        click.option("--months", "study_months", type=click.IntRange(1), help="Months needed."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("slugs", nargs=-1, required=True, metavar="SLUG...")
@click.option("--title", required=True, help="Of the research project.")
@click.option("--purpose", type=click.Choice(client.PURPOSES), required=True)
@click.option(
    "--use",
    "uses",
    type=click.Choice(client.USES),
    multiple=True,
    required=True,
    help="What is done with the data; repeat for each. Nothing else is granted.",
)
@click.option("--plan", metavar="FILE", required=True, help="The plan as UTF-8 text; - for stdin.")
@study_options
@click.option("--supervisor", metavar="ACCOUNT", help="Who supervises the project.")
@click.option("--team", metavar="ACCOUNT", multiple=True, help="A team member; repeat for more.")
@click.option("--organisation", type=click.UUID, help="For which organisation; see `sumun whoami`.")
@click.option("--submit", is_flag=True, help="Hand it in at once; without, it stays a draft.")
@json_option
@told
def apply(
    *,
    slugs: tuple[str, ...],
    title: str,
    purpose: str,
    uses: tuple[str, ...],
    plan: str,
    supervisor: str | None,
    team: tuple[str, ...],
    organisation: uuid.UUID | None,
    submit: bool,
    as_json: bool,
    **study: Any,
) -> None:
    """Apply for one or more datasets with one research project."""
    form = {
        "datasets": list(slugs),
        "title": title,
        "purpose": purpose,
        "uses": list(uses),
        **study,
        "plan": _plan(plan),
        "supervisor": supervisor,
        "team": list(team),
        "organisation_id": str(organisation) if organisation else None,
    }
    with signed_in() as api:
        made = client.create(api, form)
        _tell(_submitted(api, made) if submit else made, as_json)
        if not submit:
            _say_where(api, made, "a draft; nobody has it yet")


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
@told
def applications(context: click.Context, as_json: bool) -> None:
    """List your applications: state, and whose turn it is."""
    if context.invoked_subcommand is not None:
        return
    with signed_in() as api:
        rows = [_row(api, row) for row in client.every(api)]
    emit(rows, as_json)


@applications.command()
@click.argument("application")
@json_option
@told
def show(application: str, as_json: bool) -> None:
    """Show APPLICATION (its number or id): each dataset, whose turn it is, since when."""
    with signed_in() as api:
        _tell(client.find(api, application), as_json)


@click.command()
@click.argument("what", metavar="AGREEMENT_OR_APPLICATION")
@click.option("--organisation", type=click.UUID, help="For which organisation you sign as well.")
@click.option("--language", type=click.Choice(["ko", "en"]), default="ko", show_default=True)
@json_option
@told
def sign(what: str, organisation: uuid.UUID | None, language: str, as_json: bool) -> None:
    """Sign an agreement (its code), or all that an application (its number or id) still needs.

    Read the text first. You sign by typing your own name, or with a line on stdin for each text.
    """
    with signed_in() as api:
        texts = _texts(api, what)
        if not texts:
            click.echo("nothing is left to sign", err=True)
        for text in texts:
            _show_text(api, text, language)
            name = _name()
            signed = client.sign(api, text, name, language, str(organisation or "") or None)
            emit(signed, as_json)


def _plan(place: str) -> str:
    try:
        if place == STDIN:
            read = sys.stdin.buffer.read(LONGEST_PLAN + 1)
        else:
            with Path(place).open("rb") as file:
                read = file.read(LONGEST_PLAN + 1)
        text = read.decode("utf-8-sig")
    except OSError as error:
        raise ClientError(f"{place} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ClientError(f"{place} is not UTF-8 text") from error
    if len(read) > LONGEST_PLAN:
        raise ClientError(f"{place} is too long for a plan")
    return text


def _submitted(api: Api, made: dict[str, Any]) -> dict[str, Any]:
    """Hand in; what is refused stays a draft, and its place is told."""
    try:
        return client.submit(api, made)
    except Refused:
        _say_where(api, made, "kept as a draft")
        raise


def _say_where(api: Api, made: Mapping[str, Any], what: str) -> None:
    number, place = plain(made.get("number")), f"{api.server}/applications/{made.get('id')}"
    click.echo(f"{number} is {what}: {place}", err=True)


def _row(api: Api, row: dict[str, Any]) -> dict[str, Any]:
    """A line of the list; whoever has to act is asked for only where something is open."""
    turns: list[str] = []
    if row.get("state") in client.OPEN:
        turns = client.whose_turn(client.find(api, str(row.get("id"))))
    names = ("number", "state", "datasets", "title", "submitted_at", "id")
    shown = {name: row.get(name) for name in names}
    return {"number": shown.pop("number"), "state": shown.pop("state"), "turn": turns, **shown}


def _tell(application: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        emit(application, as_json)
        return
    emit({name: application.get(name) for name in ABOUT}, as_json)
    click.echo("")
    items = application.get("items", [])
    emit([{name: item.get(name) for name in ITEM} for item in items], as_json)


def _texts(api: Api, what: str) -> list[dict[str, Any]]:
    if client.names_application(what):
        return client.unsigned(api, client.find(api, what))
    return [client.agreement(api, what)]


def _show_text(api: Api, text: Mapping[str, Any], language: str) -> None:
    """What is about to be signed, on stderr so that stdout holds the signature alone."""
    code, number = plain(text.get("code")), plain(text.get("number"))
    click.echo(f"title   {plain(text.get(f'title_{language}'))} ({code} v{number})", err=True)
    click.echo(f"sha256  {plain(text.get('sha256'))}", err=True)
    click.echo(f"read    {api.server}/policies/{code}?lang={language}", err=True)


def _name() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("I have read it and agree. My own name", err=True))
    name = sys.stdin.readline().strip()
    if not name:
        raise ClientError("not signed: give your own name as a line on stdin for each text")
    return name
