"""`sumun policy`: check the rules, run their cases, explain a decision about a person."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from gateway.cli.common import FOUND, Home, emit, fail, home_option, json_option
from gateway.cli.policy_agreement import agreement
from gateway.cli.policy_change import replay, simulate
from gateway.cli.policy_prove import prove
from gateway.cli.policy_release import release
from gateway.cli.policy_rules import rules_option, whole_rules

LANGUAGES = ("ko", "en")


@click.group()
def policy() -> None:
    """Check, test, explain, prove and change the rules that decide access."""


policy.add_command(agreement)
policy.add_command(prove)
policy.add_command(release)
policy.add_command(replay)
policy.add_command(simulate)


@policy.command()
@rules_option
@json_option
def check(folder: Path | None, as_json: bool) -> None:
    """Parse and validate every rule; each fault is named with file and line."""
    from policies.check import check as check_rules

    problems = check_rules(folder)
    if as_json:
        emit([{"file": p.file, "line": p.line, "message": p.message} for p in problems], True)
    else:
        for problem in problems:
            click.echo(str(problem))
        faults = "1 fault" if len(problems) == 1 else f"{len(problems)} faults"
        click.echo(faults if problems else "the rules are whole", err=True)
    if problems:
        raise click.exceptions.Exit(FOUND)


@policy.command()
@rules_option
@json_option
def test(folder: Path | None, as_json: bool) -> None:
    """Run the case files; a case that fails says what was expected and what came."""
    from policies.casefile import CaseError, run_cases
    from policies.engine import Engine

    engine = Engine(whole_rules(folder), {})
    try:
        report = run_cases(engine)
    except CaseError as error:
        raise fail(str(error)) from error
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
@click.option("--person", metavar="ACCOUNT", required=True)
@click.option("--dataset", metavar="SLUG", required=True)
@click.option("--action", default="download", show_default=True)
@json_option
@home_option
def explain(home: Home, person: str, dataset: str, action: str, as_json: bool) -> None:
    """Why a person can or cannot use a dataset now: every reason, and the way to a yes.

    Exit status 0: allowed; 1: not allowed.
    """
    from policies.vocabulary import Action

    if action not in set(Action):
        raise fail(f"unknown action {action!r}; one of: {', '.join(Action)}")
    answer = _explained(home, person, dataset, Action(action))
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        _tell(answer)
    if answer["outcome"] != "allow":
        raise click.exceptions.Exit(FOUND)


def _explained(home: Home, account: str, slug: str, action: Any) -> dict[str, Any]:
    """Ask as the gateway itself does. That an operator looked is recorded."""
    from functools import partial

    from gateway.access import presenter, reading
    from gateway.access.ask import Ask, Caller
    from gateway.errors import OperatorError
    from gateway.identity.service_people import by_account
    from gateway.identity.service_step_up import last_confirmed
    from gateway.journal import Act, Actor, Entry
    from gateway.zones.service_facts import facts_of_grant

    with home.runtime() as runtime:
        with runtime.db.read() as session:
            person = by_account(session, account)
            dataset = reading.find_dataset(session, slug)
            caller = Caller(last_confirmed(session, person.id, runtime.clock.now()))
        if dataset is None:
            raise OperatorError(f"there is no dataset {slug!r}")
        entry = Entry(Actor.operator(), Act.POLICY_EXPLAINED, subjects=(person.id,), dataset=slug)
        runtime.journal.append(entry)
        zone = partial(facts_of_grant, runtime)
        ask = Ask(action, person.id, dataset_id=dataset.id, caller=caller)
        found = reading.explained(runtime, ask, zone)[1]
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
        _both("no", blocker["code"], blocker["ko"], blocker["en"])
        remedies = [f"{blocker[f'remedy_{x}']} ({blocker[f'actor_{x}']})" for x in LANGUAGES]
        _both("    mend", "", *remedies)
    for number, step in enumerate(answer["path"], 1):
        sentences = [f"{step[x]} ({step[f'actor_{x}']})" for x in LANGUAGES]
        _both(f"step {number}", step["code"], *sentences)
    if answer["path"]:
        sure = "leads to a yes" if answer["confirmed"] else "does not lead to a yes"
        click.echo(f"  the engine confirms that this {sure}")


def _both(what: str, code: str, *sentences: str) -> None:
    """One matter in both languages, the second line under the first."""
    head = f"  {what}: "
    click.echo(head + (f"[{code}] " if code else "") + sentences[0])
    for sentence in sentences[1:]:
        click.echo(" " * len(head) + sentence)
