"""The researcher's commands. They need the default install only, never the server's packages."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from gateway.cli.connection import anybody, open_api, signed_in, told
from gateway.cli.output import FOUND, emit, json_option, plain
from gateway.cli.signing_in import signed_in_at
from gateway.client import session as sessions
from gateway.client.download import Download, Result, Selection
from gateway.client.download import as_json as as_row
from gateway.client.errors import ClientError, Refused
from gateway.client.fetch import Fetcher
from gateway.client.http import Api

DURATION = re.compile(r"(\d{1,6})([smhd]?)")
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
SHOWN = ("slug", "title_ko", "title_en", "tier", "sensitivity", "delivery")


@click.command()
@click.option("--server", help="Address of the gateway (SUMUN_SERVER).")
@told
def login(server: str | None) -> None:
    """Sign in through a browser anywhere; or give account, password and code on stdin."""
    address = sessions.server(server)
    session, until = signed_in_at(address)
    sessions.store(session)
    click.echo(f"signed in to {address} as {session.account} until {until} at the latest")


@click.command()
@told
def logout() -> None:
    """End the session here and on the server that opened it."""
    try:
        found = sessions.load()
        with open_api(found.server, found) as api:
            api.sign_out()
    except Refused as refused:
        if refused.code != "not_signed_in":
            raise
    finally:
        sessions.forget()
    click.echo("signed out")


@click.command()
@json_option
@told
def whoami(as_json: bool) -> None:
    """Show who is signed in, and where."""
    with signed_in() as api:
        emit(_person(api.server, api.me(), as_json), as_json)


class DatasetsGroup(click.Group):
    """`datasets [QUERY]` lists, `datasets show SLUG` explains one."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        # A word that is no subcommand is the query, so `sumun datasets voice` just searches.
        words = [word for word in arguments if not word.startswith("-")]
        if words and words[0] not in self.commands:
            position = arguments.index(words[0])
            arguments = [*arguments[:position], "--query", *arguments[position:]]
        return super().parse_args(context, arguments)


@click.group(cls=DatasetsGroup, invoke_without_command=True)
@click.option("--query", default="", help="Words to look for.")
@json_option
@click.pass_context
@told
def datasets(context: click.Context, query: str, as_json: bool) -> None:
    """List datasets that match QUERY."""
    if context.invoked_subcommand is not None:
        return
    with anybody() as api:
        rows = list(api.datasets(query))
    if not as_json:
        rows = [{name: row.get(name) for name in SHOWN} for row in rows]
    emit(rows, as_json)


@datasets.command()
@click.argument("slug")
@json_option
@told
def show(slug: str, as_json: bool) -> None:
    """Show a dataset, whether you can get it, and what is missing."""
    with anybody() as api:
        found, answer = api.dataset(slug), api.can_i(slug)
    if as_json:
        emit({**found, "can_i": answer}, as_json)
        return
    emit({name: value for name, value in found.items() if name != "versions"}, False)
    emit(_versions(found), False)
    _tell_can_i(answer)


@click.command()
@json_option
@told
def grants(as_json: bool) -> None:
    """List your grants: until when, how much is used, and whether they open now."""
    with signed_in() as api:
        rows = list(api.grants())
    if not as_json:
        names = ("id", "dataset", "state", "open", "ends_at", "used_bytes", "quota_bytes")
        rows = [{name: row.get(name) for name in names} for row in rows]
    emit(rows, as_json)


@click.command()
@click.argument("dataset")
@click.argument("path")
@click.option("--ttl", default="", help="How long it works, such as 90s, 10m or 2h.")
@json_option
@told
def url(dataset: str, path: str, ttl: str, as_json: bool) -> None:
    """Print a signed address of one file of DATASET (SLUG or SLUG@VERSION)."""
    slug, version = _named(dataset)
    with signed_in() as api:
        signed = api.issue_url(slug, path, version, _seconds(ttl))
    if not as_json:
        click.echo(signed.url)
        click.echo(f"works until {signed.expires_at}", err=True)
        return
    shown = {"url": signed.url, "expires_at": signed.expires_at, "version": signed.version}
    emit({**shown, "sha256": signed.item.sha256, "size": signed.item.size}, as_json)


@click.command()
@click.argument("dataset")
@click.argument("patterns", nargs=-1)
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--jobs", type=click.IntRange(1, 32), default=4, show_default=True)
@json_option
@told
def download(
    dataset: str, patterns: tuple[str, ...], folder: Path, jobs: int, as_json: bool
) -> None:
    """Download files of DATASET (SLUG or SLUG@VERSION); run it again to resume."""
    slug, version = _named(dataset)
    with signed_in() as api:
        selection = Selection(slug, version or _newest(api.dataset(slug)), patterns)
        failed = _download(api, selection, folder, jobs, as_json)
    if failed:
        raise click.exceptions.Exit(FOUND)


def _download(api: Api, selection: Selection, folder: Path, jobs: int, as_json: bool) -> int:
    fetcher = Fetcher()
    count = 0

    def report(result: Result) -> None:
        nonlocal count
        count += 1
        _report(result, as_json)

    try:
        with _progress(quiet=as_json) as advance:
            run = Download(api, fetcher, selection, folder, advance)
            failed = run.run(jobs, report)
    finally:
        fetcher.close()
    if not count:
        raise ClientError("no file matches; see the list on the dataset's page")
    click.echo(f"{count - failed} of {count} files whole and verified in {folder}", err=True)
    return failed


def _report(result: Result, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(as_row(result), ensure_ascii=False))
    elif result.error:
        click.echo(f"failed  {plain(result.path)}: {plain(result.error)}", err=True)
        if result.remedy:
            click.echo(f"        {plain(result.remedy)}", err=True)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[int], None]]:
    if quiet or not sys.stderr.isatty():
        yield lambda _bytes: None
        return
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("downloading"), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task("download", total=None)
        yield lambda count: shown.advance(task, count)


def _person(server: str, me: dict[str, Any], as_json: bool) -> dict[str, Any]:
    """`me` as it is, or with roles and organisations in a word each."""
    if as_json:
        return {"server": server, **me}
    roles = [f"{row.get('role')} ({row.get('scope')})" for row in me.get("roles", [])]
    places = [
        f"{row.get('organisation')} {row.get('organisation_id')}"
        f"{'' if row.get('confirmed') else ' (not confirmed)'}"
        for row in me.get("memberships", [])
    ]
    names = ("account", "name", "email", "country", "identity_level", "locale")
    known = {name: me[name] for name in names if name in me}
    return {"server": server, **known, "roles": roles or "none", "organisations": places or "none"}


def _named(text: str) -> tuple[str, str | None]:
    slug, at, version = text.partition("@")
    if not slug or (at and not version):
        raise ClientError(f"{text!r} is not SLUG or SLUG@VERSION")
    return slug, version or None


def _seconds(text: str) -> int | None:
    if not text:
        return None
    found = DURATION.fullmatch(text)
    if found is None or int(found.group(1)) == 0:
        raise ClientError(f"{text!r} is not a duration such as 90s, 10m or 2h")
    return int(found.group(1)) * SECONDS[found.group(2)]


def _newest(dataset: dict[str, Any]) -> str:
    released = [row for row in dataset.get("versions", []) if row.get("state") == "released"]
    if not released:
        raise ClientError(f"{dataset.get('slug')} has no released version yet")
    return str(max(released, key=lambda row: str(row.get("released_at")))["label"])


def _versions(dataset: dict[str, Any]) -> list[dict[str, Any]]:
    names = ("label", "state", "items", "bytes", "released_at")
    return [{name: row.get(name) for name in names} for row in dataset.get("versions", [])]


def _tell_can_i(answer: dict[str, Any]) -> None:
    click.echo("")
    if answer.get("outcome") == "allow":
        click.echo("Can I get it? Yes, at this moment.")
        return
    click.echo("Can I get it? Not yet. What is needed:")
    for step in answer.get("path", []):
        what, who = plain(step.get("en")), plain(step.get("actor_en"))
        click.echo(f"  - {what} ({who}) [{plain(step.get('code'))}]")
    if not answer.get("confirmed", True):
        click.echo("The gateway does not confirm that these steps are enough.")
