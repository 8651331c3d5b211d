"""Prints what a verification of the log found."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.common import emit

if TYPE_CHECKING:
    from audit.verify import Report


def print_report(report: Report, checkpoint: str | None, database: str, as_json: bool) -> None:
    """Print what a verification of `database` found, as JSON or in lines."""
    if as_json:
        emit(_report(report, checkpoint, database), True)
        return
    for finding in report.findings:
        place = f"{finding.table}.{finding.column}"
        click.echo(printable(f"index {finding.index}: {place}: {finding.what}"))
    if report.more:
        click.echo(f"and {report.more} more findings")
    click.echo(f"{'clean' if report.clean else 'DAMAGED'}: {report.size} entries read again")
    if report.minimum:
        click.echo(
            f"{report.pruned} entries were pruned below the signed minimum {report.minimum}; "
            f"archives: {', '.join(report.archives)}"
        )
    for line in (*_restores(report), _signed(report), f"database {database}"):
        click.echo(printable(line))
    click.echo(f"root {report.root.hex()}")
    if checkpoint:
        click.echo(printable(f"\n{checkpoint}"), nl=False)


def _restores(report: Report) -> list[str]:
    """The backups restored, each with how much of what was published it took away."""
    return [f"restored at {one.size}; {one.lost} published entries lost" for one in report.restores]


def _signed(report: Report) -> str:
    """What is stored of signatures, and how far the log itself vouches that none is gone."""
    stored = f"{report.checkpoints} checkpoints, {report.cosignatures} cosignatures"
    if report.told is None:
        kept = f" that was not pruned (below {report.minimum})" if report.minimum else ""
        return f"{stored}; some could be gone: no earlier verification{kept} tells of any"
    told = report.told
    return (
        f"{stored}; entry {told.index}, a verification, tells of {told.checkpoints} and "
        f"{told.cosignatures}: only later ones could be gone unnoticed"
    )


def _report(report: Report, checkpoint: str | None, database: str) -> dict[str, Any]:
    findings = [
        {
            "index": one.index,
            "table": one.table,
            "column": one.column,
            "what": printable(one.what),
        }
        for one in report.findings
    ]
    restores = [
        {"index": one.size, "epoch": one.epoch, "lost": one.lost, "time_ms": one.time_ms}
        for one in report.restores
    ]
    return {
        "clean": report.clean,
        "database": printable(database),
        "size": report.size,
        "root": report.root.hex(),
        "pruned": report.pruned,
        "minimum": report.minimum,
        "archives": list(report.archives),
        "checkpoints": report.checkpoints,
        "cosignatures": report.cosignatures,
        "told": report.told and asdict(report.told),
        "restores": restores,
        "findings": findings,
        "more": report.more,
        "checkpoint": checkpoint and printable(checkpoint),
    }


def printable(text: str) -> str:
    """Damaged text may hold anything, also what a terminal would obey."""
    safe = text.encode("utf-8", "backslashreplace").decode()
    return "".join(one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in safe)
