"""`sumun policy simulate`, `replay` and `release`: changing the rules without surprises."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import FOUND, Home, emit, fail, home_option, json_option

if TYPE_CHECKING:
    from gateway.rehearsal.standing_now import Alter
    from gateway.runtime import Runtime
    from policies.engine import Engine

LAST = 100_000

_rules = click.option(
    "--rules",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of rule files and their schema.",
)
_release = click.option("--release", metavar="HASH", help="A registered release.")
_last = click.option(
    "--last", default=LAST, show_default=True, help="How many of the newest log entries to read."
)


@click.command()
@_rules
@_release
@click.option("--agreement", metavar="CODE/vN", help="A version of an agreement, as if in force.")
@click.option("--in-days", type=click.IntRange(0, 3650), default=0, help="Ask for a later day.")
@click.option("--past", is_flag=True, help="Put the last decisions of the log to it as well.")
@_last
@json_option
@home_option
def simulate(
    home: Home,
    *,
    rules: Path | None,
    release: str | None,
    agreement: str | None,
    in_days: int,
    past: bool,
    last: int,
    as_json: bool,
) -> None:
    """Name who would gain and who would lose access by a change, before it is in force.

    Without a change named, it is the release in shadow. Both sides are asked about the same day.

    Exit status 0: nobody's access changes; 1: somebody's does.
    """
    from gateway.journal import Actor
    from gateway.rehearsal.service_replay import compare_past
    from gateway.rehearsal.service_simulate import simulate as rehearse

    with home.runtime() as runtime:
        proposed = _proposed(runtime, rules, release, shadow=agreement is None)
        at = runtime.clock.now() + timedelta(days=in_days)
        alter = _altered(runtime, agreement, runtime.clock.now())
        found = rehearse(runtime, Actor.operator(), proposed, at, alter)
        answer: dict[str, Any] = asdict(found) | {"at": at.isoformat()}
        if past:
            compared = compare_past(runtime, Actor.operator(), proposed, last)
            answer["past"] = asdict(compared)
    _tell(answer, as_json)
    if answer["affected"] or answer.get("past", {}).get("turned"):
        raise click.exceptions.Exit(FOUND)


@click.command()
@_last
@json_option
@home_option
def replay(home: Home, last: int, as_json: bool) -> None:
    """Decide past decisions again, each by its own rules and facts, and compare with the log.

    Exit status 0: all come out as logged; 1: some do not.
    """
    from gateway.rehearsal.service_replay import check_past

    with home.runtime() as runtime:
        checked = check_past(runtime, last)
    if as_json:
        emit(asdict(checked), True)
    else:
        for one in checked.deviations:
            click.echo(f"{one.index}: {one.action} was {one.logged}, its rules say {one.computed}")
        click.echo(
            f"{checked.decisions} decisions decided again, {checked.deviating} differ", err=True
        )
    if checked.deviating:
        raise click.exceptions.Exit(FOUND)


def _proposed(runtime: Runtime, folder: Path | None, sha256: str | None, *, shadow: bool) -> Engine:
    """The rules of a folder, of a registered release, in shadow if wanted, or those in force."""
    from gateway.policy.loading import engine_for, in_force
    from gateway.policy.proving import checked
    from gateway.policy.service_releases import by_hash, in_shadow
    from policies.rules import texts

    if folder is not None and sha256 is not None:
        raise fail("give --rules or --release, not both")
    if folder is not None:
        return checked(_texts(folder, texts))
    with runtime.db.read() as session:
        found = by_hash(session, sha256) if sha256 else in_shadow(session) if shadow else None
    if found is not None:
        return engine_for(runtime.db, found.sha256)
    if sha256 is not None:
        raise fail(f"there is no release {sha256!r}")
    if shadow:
        click.echo("no release is in shadow: the rules in force are compared", err=True)
    return in_force(runtime.db)


def _texts(folder: Path, read: Any) -> dict[str, str]:
    try:
        found: dict[str, str] = read(folder)
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"the rules in {folder} cannot be read: {error}") from error
    return found


def _altered(runtime: Runtime, name: str | None, now: datetime) -> Alter | None:
    from gateway.agreements.service import version_named
    from gateway.rehearsal.new_agreement import as_if_in_force

    if name is None:
        return None
    with runtime.db.read() as session:
        version = version_named(session, name)
    if version is None:
        raise fail(f"there is no agreement version {name!r}")
    return as_if_in_force(runtime, version, now)


def _tell(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit(answer, True)
        return
    for one in answer["affected"]:
        sign = "gains" if one["gains"] else "loses"
        why = f" ({', '.join(one['codes'])})" if one["codes"] else ""
        who = f"{one['name']} ({one['account']})"
        click.echo(f"{who} {sign} {one['action']} of {one['dataset']}{why}")
    for one in answer.get("past", {}).get("turned", ()):
        sign = "allowed" if one["gains"] else "refused"
        who = one["account"] or "someone who was erased"
        click.echo(f"past: {who}: {one['times']} x {one['action']} would have been {sign}")
    losing = {one["account"] for one in answer["affected"] if not one["gains"]}
    gaining = {one["account"] for one in answer["affected"] if one["gains"]}
    click.echo(
        f"{answer['asked']} questions compared: people who lose access: {len(losing)}, "
        f"who gain: {len(gaining)}",
        err=True,
    )
