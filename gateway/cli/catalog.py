"""`sumun catalog`: construction projects, datasets, versions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import FOUND, Home, emit, home_option, json_option
from gateway.errors import OperatorError

if TYPE_CHECKING:
    from gateway.catalog.folder import Refused
    from gateway.catalog.importer import Outcome, Progress
    from gateway.runtime import Runtime

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)
PROGRESS_EVERY = 1000


@click.group()
def catalog() -> None:
    """Construction projects, datasets and their versions."""


@catalog.command()
@click.option("--like", type=FILE, required=True, help="TOML file with a [project] table.")
@json_option
@home_option
def project(home: Home, like: Path, as_json: bool) -> None:
    """Register the construction project that a file describes."""
    from gateway.catalog import descriptions, service
    from gateway.journal import Actor

    described = descriptions.read_project(like)
    with opened(home) as runtime:
        made = service.register_project(runtime, Actor.operator(), described)
    emit({"project": made.number, "id": str(made.id)}, as_json)


@catalog.command()
@click.option("--like", type=FILE, required=True, help="TOML file with a [dataset] table.")
@json_option
@home_option
def dataset(home: Home, like: Path, as_json: bool) -> None:
    """Register the dataset that a file describes, or change it to what the file says."""
    from gateway.catalog import descriptions, service
    from gateway.journal import Actor

    described = descriptions.read(like)
    with opened(home) as runtime:
        changed = service.apply_file(runtime, Actor.operator(), described)
    emit({"dataset": described.dataset.slug, "changed": ", ".join(changed)}, as_json)


@catalog.command("import")
@click.argument("folder", type=FOLDER)
@click.option("--dataset", "slug", required=True)
@click.option("--version", "label", required=True)
@click.option("--like", type=FILE, help="TOML file that describes the dataset when it is new.")
@click.option("--strict", is_flag=True, help="Import nothing if any file is refused.")
@json_option
@home_option
@click.pass_context
def import_(
    context: click.Context,
    home: Home,
    *,
    folder: Path,
    slug: str,
    label: str,
    like: Path | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Import a folder as a version; started again after a kill, it goes on."""
    from gateway.catalog.importer import Watch, import_folder
    from gateway.journal import Actor

    with opened(home) as runtime:
        if like:
            _register(runtime, like, slug)
        watch = Watch(refused=_print_refused(as_json), progress=_print_progress)
        outcome = import_folder(
            runtime, Actor.operator(), folder, slug, label, strict=strict, watch=watch
        )
    emit(_summary(slug, label, outcome), as_json)
    if outcome.progress.refused:
        context.exit(FOUND)


@catalog.command()
@click.option("--dataset", "slug", required=True)
@click.option("--version", "label", required=True)
@click.option("--reason", default="", help="Needed for a held version.")
@json_option
@home_option
def release(home: Home, slug: str, label: str, reason: str, as_json: bool) -> None:
    """Open a version whose scan is done."""
    from gateway.catalog import service_versions
    from gateway.journal import Actor

    with opened(home) as runtime:
        service_versions.release(runtime, Actor.operator(), slug, label, reason)
    emit({"dataset": slug, "version": label, "state": "released"}, as_json)


@catalog.command()
@click.option("--dataset", "slug", required=True)
@click.option("--version", "label", help="This version only; the whole dataset when left out.")
@click.option("--reason", required=True)
@json_option
@home_option
def withdraw(home: Home, slug: str, label: str | None, reason: str, as_json: bool) -> None:
    """Stop offering a version or a dataset, at once."""
    from gateway.catalog import service, service_versions
    from gateway.journal import Actor

    with opened(home) as runtime:
        if label:
            service_versions.withdraw_version(runtime, Actor.operator(), slug, label, reason)
        else:
            service.withdraw_dataset(runtime, Actor.operator(), slug, reason)
    emit({"dataset": slug, "version": label, "state": "withdrawn"}, as_json)


@catalog.command("scan")
@click.option("--dataset", "slug", required=True)
@click.option("--version", "label", required=True)
@json_option
@home_option
def scan(home: Home, slug: str, label: str, as_json: bool) -> None:
    """Ask for a new scan of a version, for instance after the rules have changed."""
    from gateway.catalog import service_versions
    from gateway.journal import Actor

    with opened(home) as runtime:
        service_versions.request_scan(runtime, Actor.operator(), slug, label)
    emit({"dataset": slug, "version": label, "state": "scan requested"}, as_json)


@catalog.command("list")
@json_option
@home_option
def list_(home: Home, as_json: bool) -> None:
    """Every dataset with every version."""
    with opened(home) as runtime, runtime.db.read() as session:
        emit(list(_rows(session)), as_json)


def _rows(session: Any) -> Iterator[dict[str, Any]]:
    from sqlalchemy import select

    from gateway.catalog.models import Dataset, DatasetVersion

    statement = (
        select(Dataset, DatasetVersion)
        .outerjoin(DatasetVersion, DatasetVersion.dataset_id == Dataset.id)
        .order_by(Dataset.slug, DatasetVersion.id)
    )
    for found, version in session.execute(statement):
        yield {
            "dataset": found.slug,
            "version": version and version.label,
            "state": "withdrawn" if found.withdrawn_at else version and version.state,
            "items": version and version.items,
            "bytes": version and version.bytes,
            "manifest_sha256": version and version.manifest_sha256,
        }


@contextmanager
def opened(home: Home) -> Iterator[Runtime]:
    """The runtime; an unreachable store or database ends as one clear line."""
    from gateway.db import WriteBusy
    from gateway.storage import StoreUnavailable

    try:
        with home.runtime() as runtime:
            yield runtime
    except StoreUnavailable as error:
        raise OperatorError(f"the object store cannot be reached: {error}") from error
    except WriteBusy as error:
        raise OperatorError("the database is busy; try again in a moment") from error


def _register(runtime: Runtime, like: Path, slug: str) -> None:
    from gateway.catalog import descriptions, service
    from gateway.journal import Actor

    described = descriptions.read(like)
    if described.dataset.slug != slug:
        raise OperatorError(f"{like} describes {described.dataset.slug}, not {slug}")
    service.register_if_new(runtime, Actor.operator(), described)


def _print_refused(as_json: bool) -> Any:
    def show(refused: Refused) -> None:
        if as_json:
            click.echo(json.dumps({"refused": refused.source, "fault": refused.fault}))
        else:
            click.echo(f"refused {refused.source}: {refused.fault}", err=True)

    return show


def _print_progress(progress: Progress) -> None:
    files = progress.copied + progress.kept
    if files and files % PROGRESS_EVERY == 0:
        click.echo(f"{files} files, {progress.bytes} bytes read", err=True)


def _summary(slug: str, label: str, outcome: Outcome) -> dict[str, Any]:
    imported, progress = outcome.imported, outcome.progress
    return {
        "dataset": slug,
        "version": label,
        "items": imported.items,
        "bytes": imported.bytes,
        "copied": progress.copied,
        "kept": progress.kept,
        "refused": progress.refused,
        "manifest_sha256": imported.manifest_sha256,
    }
