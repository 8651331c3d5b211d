"""The demonstration from the first step to the last."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from gateway.config import Settings
from gateway.demo import (
    applying,
    auditing,
    cast,
    confirming,
    delivery,
    downloading,
    exporting,
    signing,
)
from gateway.demo.cast import Cast
from gateway.demo.stage import Stage
from gateway.demo.web import Visitor, serving, wait_until_ready
from gateway.errors import OperatorError
from gateway.home import set_up
from gateway.identity.models import AttestationKind
from gateway.runtime import Runtime


def run(settings: Settings, port: int, *, serve: bool) -> None:
    """Run every step on an empty home; then keep serving if `serve`.

    Raises OperatorError when the home is not empty, StepFailed when a check does not hold.
    """
    if settings.home.exists() and any(settings.home.iterdir()):
        raise OperatorError(f"{settings.home} is not empty; the demo needs a new home (--home DIR)")
    base = f"http://localhost:{port}"
    # Letters of a demonstration stay on this host.
    # Whoever tries the demo signs in as its stewards by password; a real gateway never lets them.
    changed = {"public_url": base, "smtp_url": "", "staff_second_factor": "off"}
    settings = settings.model_copy(update=changed)
    stage = Stage()
    with stage.step("A new home: database, keys, log"):
        runtime = set_up(settings)
        stage.say(str(settings.home))
    with serving(settings, port) as server:
        try:
            people = _steps(stage, runtime, base)
        finally:
            runtime.close()
        stage.finish()
        _introduce(people)
        if serve:
            click.echo(f"\nServing {base} — stop with Ctrl-C.")
            server.wait()


def _steps(stage: Stage, runtime: Runtime, base: str) -> Cast:
    people = _people(stage, runtime)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        delivery.medical_images(stage, runtime, people, folder / "images")
        delivery.dialogues(stage, runtime, people, folder / "dialogues")
        wait_until_ready(base)
        visitors = {
            account: Visitor(base, people[account]) for account, _name, _role in cast.PEOPLE
        }
        grant = applying.medical_images(stage, runtime, people, visitors, base)
        applying.sign(stage, runtime, people, "kim", "health")
        confirming.confirm(stage, runtime, visitors["kim"], people["kim"])
        issued = downloading.download(stage, visitors["kim"])
        confirming.take_away(runtime, visitors["kim"], people["kim"])
        downloading.refused(stage, visitors["lee"], issued["path"])
        company = applying.dialogues(stage, visitors)
        signing.official_signs(stage, runtime, visitors["company"], visitors["steward"])
        applying.sign(stage, runtime, people, "company", "company")
        exporting.package(stage, runtime, visitors["company"], visitors["steward"], company)
        downloading.revoked(stage, runtime, people, grant, issued["url"])
        index = auditing.search(stage, visitors["auditor"], issued["path"])
        auditing.prove(stage, runtime, index)
        auditing.verify_log(stage, runtime)
        auditing.edited_copy(stage, runtime, folder, index)
    return people


def _people(stage: Stage, runtime: Runtime) -> Cast:
    with stage.step("People and organisations; sensitive roles need two persons"):
        people = cast.assemble(runtime)
        cast.found_organisations(runtime, people)
        evidence = (AttestationKind.IDENTITY, AttestationKind.TRAINING)
        cast.attest(runtime, people, "kim", *evidence)
        cast.attest(runtime, people, "company", AttestationKind.IDENTITY)
        stage.check(len(people) == len(cast.PEOPLE), f"{len(people)} people")
    return people


def _introduce(people: Cast) -> None:
    click.echo("\nSign in as (each password is shown only here):")
    for account, name, role in cast.PEOPLE:
        click.echo(f"  {account:<11} {people[account].password:<18} {name}  {role or ''}")
