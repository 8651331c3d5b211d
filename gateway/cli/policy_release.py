"""`sumun policy release`: propose rules, rehearse them, put them in force, go back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import Home, emit, fail, home_option, json_option

if TYPE_CHECKING:
    from gateway.policy.models import PolicyRelease


@click.group()
def release() -> None:
    """Releases of the access rules: propose, shadow, put in force, roll back."""


@release.command("list")
@json_option
@home_option
def list_releases(home: Home, as_json: bool) -> None:
    """Every release, the newest first, with its state."""
    from gateway.policy.service_releases import history

    with home.runtime() as runtime, runtime.db.read() as session:
        emit([_shown(row) for row in history(session)], as_json)


@release.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--note", default="", help="Why the rules change.")
@json_option
@home_option
def propose(home: Home, folder: Path, note: str, as_json: bool) -> None:
    """Check and prove the rules of a folder, and register them as a draft."""
    from gateway.journal import Actor
    from gateway.policy import service_releases
    from policies.rules import texts

    try:
        files = texts(folder)
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"the rules in {folder} cannot be read: {error}") from error
    with home.runtime() as runtime:
        found = service_releases.propose(runtime, Actor.operator(), files, note)
    emit(_shown(found), as_json)


@release.command()
@click.argument("sha256", metavar="HASH")
@json_option
@home_option
def shadow(home: Home, sha256: str, as_json: bool) -> None:
    """Rehearse a draft beside the rules in force; `sumun policy simulate` shows what differs."""
    _change(home, as_json, "shadow", sha256)


@release.command("enforce")
@click.argument("sha256", metavar="HASH")
@json_option
@home_option
def enforce(home: Home, sha256: str, as_json: bool) -> None:
    """Prove a release and put it in force; it decides from the next request on, everywhere."""
    _change(home, as_json, "put_in_force", sha256)


@release.command()
@json_option
@home_option
def rollback(home: Home, as_json: bool) -> None:
    """Prove the release before and go back to it, in one step; again goes further back."""
    _change(home, as_json, "roll_back")


def _change(home: Home, as_json: bool, verb: str, *arguments: str) -> None:
    from gateway.journal import Actor
    from gateway.policy import service_releases

    with home.runtime() as runtime:
        changed = getattr(service_releases, verb)(runtime, Actor.operator(), *arguments)
    emit(_shown(changed), as_json)


def _shown(row: PolicyRelease) -> dict[str, Any]:
    moments = ("created_at", "shadow_at", "in_force_at", "withdrawn_at")
    return {
        "release": row.sha256,
        "state": str(row.state),
        "origin": str(row.origin),
        "note": row.note,
        **{name: at.isoformat() if (at := getattr(row, name)) else None for name in moments},
    }
