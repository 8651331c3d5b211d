"""`sumun scan`: look for personal data in files and folders. Needs no server and no network."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click

from gateway.cli.common import Home, home_option
from gateway.scanning.model import (
    ENTITY_TYPES,
    LANGUAGES,
    RULESET,
    UNSCANNABLE,
    FileReport,
    Finding,
    ScanError,
)
from gateway.scanning.service import Scanner
from gateway.scanning.walk import files

_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_FOUND, _FAILED = 1, 2


class Format(StrEnum):
    """How findings are printed."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"


@dataclass(slots=True)
class Totals:
    """What the summary line counts."""

    fail_on: frozenset[str]
    files: int = 0
    bytes: int = 0
    findings: int = 0
    unreadable: int = 0
    failing: int = 0

    def add(self, report: FileReport) -> None:
        """Count one report. UNSCANNABLE always fails: what was not read cannot be clean."""
        self.files += 1
        self.bytes += report.bytes
        self.unreadable += report.unscannable is not None
        for finding in report.findings:
            kind = finding.entity_type
            self.findings += 1
            self.failing += not self.fail_on or kind in self.fail_on or kind == UNSCANNABLE


@click.command(name="scan")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--lang", default=",".join(LANGUAGES), show_default=True, help="ko, en or both.")
@click.option(
    "--format", "output", type=click.Choice([str(f) for f in Format]), default=str(Format.TABLE),
    show_default=True, help="json: one object a line and finding.",
)  # fmt: skip
@click.option("--json", "output", flag_value=str(Format.JSON), help="Same as --format json.")
@click.option(
    "--fail-on", default="", metavar="TYPE,…",
    help="Exit 1 only for these entity types; UNSCANNABLE always counts.",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(1, 256), default=lambda: min(os.cpu_count() or 1, 256),
    help="Files scanned at the same time; default: one for each processor.",
)  # fmt: skip
@home_option
def scan(
    *, home: Home, paths: tuple[Path, ...], lang: str, output: str, fail_on: str, jobs: int
) -> None:
    """Scan files or folders for personal data. The values found are never printed.

    Exit status: 0 nothing found, 1 something found or not inspected, 2 it could not be done.
    """
    del home  # accepted by every command; a scan needs no server's home
    languages = _languages(lang)
    kinds = frozenset(kind.strip().upper() for kind in fail_on.split(",") if kind.strip())
    if unknown := sorted(kinds - ENTITY_TYPES):
        _give_up(
            f"no entity type is called {unknown[0]}; there are: {', '.join(sorted(ENTITY_TYPES))}"
        )
    if missing := [path for path in paths if not path.exists()]:
        _give_up(f"no such file or folder: {_visible(str(missing[0]))}")
    begun, totals = time.monotonic(), Totals(kinds)
    try:
        with Scanner() as scanner:
            if not scanner.confined:
                click.echo("warning: the sandbox is incomplete here; see sumun doctor", err=True)
            work = partial(scanner.scan, languages=languages)
            _print_all(_reports(work, paths, jobs), _PRINTERS[Format(output)](), totals)
    except ScanError as error:
        _give_up(str(error))
    except BrokenPipeError:
        _give_up("the reader of the output went away")
    _sum_up(totals, time.monotonic() - begun)
    sys.exit(_FOUND if totals.failing else 0)


def _languages(text: str) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not chosen or set(chosen) - set(LANGUAGES):
        _give_up(f"--lang takes {', '.join(LANGUAGES)}, or both joined by a comma")
    return chosen


def _print_all(reports: Iterator[FileReport], printer: Printer, totals: Totals) -> None:
    for report in reports:
        totals.add(report)
        for finding in report.findings:
            printer.show(finding)
    printer.end()


def _reports(
    work: Callable[[Path], FileReport], paths: tuple[Path, ...], jobs: int
) -> Iterator[FileReport]:
    """Yield reports in the order of the files, holding only a few at a time."""
    waiting: deque[Future[FileReport]] = deque()
    with ThreadPoolExecutor(jobs) as pool:
        for path in files(paths):
            waiting.append(pool.submit(work, path))
            if len(waiting) > 2 * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class Printer:
    """Prints findings one by one; the base prints JSON lines."""

    def show(self, finding: Finding) -> None:
        """Print one finding."""
        click.echo(json.dumps(as_json(finding), ensure_ascii=False))

    def end(self) -> None:
        """Print what belongs after the last finding."""


class TablePrinter(Printer):
    """Lines of type, score, place and masked context, for people."""

    def show(self, finding: Finding) -> None:
        """Print one line; control characters of names never reach the terminal."""
        place = " ".join(f"{k}={v}" for k, v in finding.location.items())
        span = "" if finding.start is None else f"{finding.start}-{finding.end}"
        score = f"{finding.score_permille / 1000:.2f}"
        where = " ".join(part for part in (finding.path, place, span) if part)
        click.echo(_visible(f"{finding.entity_type:<20} {score}  {where}  {finding.context}"))


class SarifPrinter(Printer):
    """SARIF 2.1.0 for code-scanning tools, written as a stream."""

    def __init__(self) -> None:
        self._first = True

    def show(self, finding: Finding) -> None:
        """Print one result."""
        click.echo(self._before() + json.dumps(_sarif_result(finding), ensure_ascii=False))

    def end(self) -> None:
        """Close the document."""
        click.echo(("" if not self._first else self._before()) + "]}]}")

    def _before(self) -> str:
        before = _SARIF_HEAD if self._first else ","
        self._first = False
        return before


_SARIF_HEAD = (
    f'{{"version": "2.1.0", "$schema": "{_SARIF_SCHEMA}", "runs": [{{"columnKind": '
    '"unicodeCodePoints", "tool": {"driver": {"name": "sumun scan", '
    f'"semanticVersion": "1.0.0", "properties": {{"ruleset": "{RULESET}"}}}}}}, "results": ['
)
_PRINTERS: dict[Format, Callable[[], Printer]] = {
    Format.TABLE: TablePrinter,
    Format.JSON: Printer,
    Format.SARIF: SarifPrinter,
}


def as_json(finding: Finding) -> dict[str, Any]:
    """Return the documented JSON form of a finding; the score as a number from 0 to 1."""
    return {
        "path": finding.path,
        "location": dict(finding.location),
        "entity_type": finding.entity_type,
        "start": finding.start,
        "end": finding.end,
        "score": finding.score_permille / 1000,
        "recognizer": finding.recognizer,
        "context": finding.context,
    }


def _sarif_result(finding: Finding) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": Path(finding.path).as_posix()}}
    if finding.start is not None and finding.end is not None and not finding.location:
        place["region"] = {"charOffset": finding.start, "charLength": finding.end - finding.start}
    return {
        "ruleId": finding.entity_type,
        "level": "warning",
        "message": {"text": f"{finding.entity_type}: {finding.context}"},
        "locations": [{"physicalLocation": place}],
        "properties": as_json(finding),
    }


def _visible(text: str) -> str:
    """Replace control characters, so that a file's name cannot write to the terminal."""
    plain = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "\ufffd" for c in plain)


def _sum_up(totals: Totals, seconds: float) -> None:
    click.echo(
        f"{totals.files} files, {totals.bytes} bytes, {totals.findings} findings, "
        f"{seconds:.1f} seconds, {totals.unreadable} unreadable files",
        err=True,
    )


def _give_up(message: str) -> NoReturn:
    click.echo(f"sumun scan: {message}", err=True)
    sys.exit(_FAILED)
