"""`sumun policy`: check the rules, run their cases, explain a decision about a person."""

from __future__ import annotations

import json
from typing import Any

import click

from gateway.cli.common import FOUND, Home, emit, fail, home_option, json_option


@click.group()
def policy() -> None:
    """Check, test and explain the rules that decide access."""


@policy.command()
@json_option
def check(as_json: bool) -> None:
    """Parse and validate every rule; each fault is named with file and line."""
    from policies.check import check as check_rules

    problems = check_rules()
    if as_json:
        emit([{"file": p.file, "line": p.line, "message": p.message} for p in problems], True)
    else:
        for problem in problems:
            click.echo(str(problem))
        click.echo("the rules are whole" if not problems else f"{len(problems)} faults", err=True)
    if problems:
        raise click.exceptions.Exit(FOUND)


@policy.command()
@json_option
def test(as_json: bool) -> None:
    """Run the case files; a case that fails says what was expected and what came."""
    from policies.casefile import run_cases

    report = run_cases()
    total, failures = len(report.results), [str(failure) for failure in report.failures]
    if as_json:
        emit({"cases": total, "failures": failures}, True)
    else:
        for failure in failures:
            click.echo(failure)
        click.echo(f"{total - len(failures)} of {total} cases pass", err=True)
    if not report.passed:
        raise click.exceptions.Exit(FOUND)


@policy.command()
@click.argument("account")
@click.argument("slug")
@click.option("--action", default="download", show_default=True)
@json_option
@home_option
def explain(home: Home, account: str, slug: str, action: str, as_json: bool) -> None:
    """Why ACCOUNT can or cannot use dataset SLUG now, and the way to a yes."""
    from policies.facts import Action

    if action not in set(Action):
        raise fail(f"unknown action {action!r}; one of: {', '.join(Action)}")
    answer = _explained(home, account, slug, Action(action))
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        _tell(answer)
    if answer["outcome"] != "allow":
        raise click.exceptions.Exit(FOUND)


def _explained(home: Home, account: str, slug: str, action: Any) -> dict[str, Any]:
    """Ask as the gateway itself does. That an operator looked is recorded."""
    from gateway.access import presenter, reading
    from gateway.errors import OperatorError
    from gateway.identity.service_people import by_account
    from gateway.journal import Act, Actor, Entry

    with home.runtime() as runtime:
        with runtime.db.read() as session:
            person = by_account(session, account)
            dataset = reading.find_dataset(session, slug)
        if dataset is None:
            raise OperatorError(f"there is no dataset {slug!r}")
        entry = Entry(Actor.operator(), Act.POLICY_EXPLAINED, subjects=(person.id,), dataset=slug)
        runtime.journal.append(entry)
        found = reading.can_i(runtime, person.id, dataset.id, action)
    return {
        "account": account,
        "dataset": slug,
        "action": str(action),
        "outcome": str(found.decision.outcome),
        "blockers": presenter.blockers(found.decision),
        "path": presenter.steps(found),
        "confirmed": found.confirmed,
        "policy_release": found.decision.release,
    }


def _tell(answer: dict[str, Any]) -> None:
    click.echo(f"{answer['account']} {answer['action']} {answer['dataset']}: {answer['outcome']}")
    for blocker in answer["blockers"]:
        click.echo(f"  no: {blocker['en']} [{blocker['code']}]")
    for step in answer["path"]:
        click.echo(f"  to do: {step['en']} ({step['actor_en']})")
    if answer["path"]:
        sure = "leads to a yes" if answer["confirmed"] else "does not lead to a yes"
        click.echo(f"  the engine confirms that this {sure}")
