"""`sumun policy prove`: what always holds of the rules, and the rules that change nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import FOUND, emit, fail, json_option
from gateway.cli.policy_rules import rules_option, whole_rules

if TYPE_CHECKING:
    from policies.prove import Counterexample, Idle, Proof
    from policies.rules import RuleSource, Statement


@click.command()
@rules_option
@json_option
def prove(folder: Path | None, as_json: bool) -> None:
    """Prove every invariant of the rules for all facts, and name rules that change nothing.

    A broken invariant is shown with facts that break it, and with the line of the program's own
    rule that refuses them. Exit status 0: all hold; 1: one is broken.
    """
    from policies.algebra import Unsupported
    from policies.invariants import INVARIANTS
    from policies.prove import Undecided, idle_rules
    from policies.prove import prove as prove_all

    source = whole_rules(folder)
    try:
        proofs, idle = prove_all(source, INVARIANTS), idle_rules(source)
    except (Undecided, Unsupported) as error:
        raise fail(f"nothing is proved: {error}") from error
    told = [_proof(proof, source) for proof in proofs]
    (_print_json if as_json else _print)(told, [_idle(each, source) for each in idle])
    if not all(proof.holds for proof in proofs):
        raise click.exceptions.Exit(FOUND)


def _proof(proof: Proof, source: RuleSource) -> dict[str, Any]:
    return {
        "invariant": proof.id,
        "holds": proof.holds,
        "ko": proof.ko,
        "en": proof.en,
        "milliseconds": round(proof.milliseconds, 1),
        "counterexample": _breach(proof.counterexample, source),
    }


def _breach(example: Counterexample | None, source: RuleSource) -> dict[str, Any] | None:
    """The facts that break an invariant, and the rules of the program that refuse them."""
    from policies import rules
    from policies.breach import refusing
    from policies.facttable import table_from
    from policies.words import in_words

    if example is None:
        return None
    here = {statement.id for statement in source.statements}
    return {
        "action": example.action,
        "words": list(in_words(example.facts)),
        "facts": table_from(example.facts),
        "refused_by": [
            _rule(statement) | {"missing": statement.id not in here}
            for statement in refusing(rules.read(), example)
        ],
    }


def _rule(statement: Statement) -> dict[str, Any]:
    return {"rule": statement.id, "file": statement.file, "line": statement.line}


def _idle(found: Idle, source: RuleSource) -> dict[str, Any]:
    statement = next(s for s in source.statements if s.id == found.rule)
    return _rule(statement) | {"idle": "never applies" if found.dead else "never decides alone"}


def _print_json(proofs: list[dict[str, Any]], idle: list[dict[str, Any]]) -> None:
    emit([*proofs, *idle], True)


def _print(proofs: list[dict[str, Any]], idle: list[dict[str, Any]]) -> None:
    for proof in proofs:
        verdict = "holds" if proof["holds"] else "BROKEN"
        click.echo(f"{proof['invariant']:<4} {verdict}: {proof['en']}")
        click.echo(f"{'':<4} {proof['ko']}")
        if proof["counterexample"] is not None:
            _print_breach(proof["counterexample"])
    for rule in idle:
        click.echo(f"{rule['file']}:{rule['line']}: {rule['rule']} {rule['idle']}")
    holding = sum(proof["holds"] for proof in proofs)
    click.echo(f"{holding} of {len(proofs)} invariants hold", err=True)


def _print_breach(breach: dict[str, Any]) -> None:
    click.echo(f"     allowed: {breach['action']}, with")
    for line in breach["words"]:
        click.echo(f"       {line}")
    for rule in breach["refused_by"]:
        lack = "is missing" if rule["missing"] else "says less"
        click.echo(f"     {rule['file']}:{rule['line']}: the program's rule {rule['rule']} {lack}")
