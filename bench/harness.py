"""Runs ours and the baseline alternately, takes medians, writes and prints the ratio."""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
RUNS = 5


@dataclass(frozen=True, slots=True)
class Comparison:
    """One number to reach. `better` says whether `ours` should be "higher" or "lower"."""

    name: str
    unit: str
    ours: float
    baseline: float
    baseline_name: str
    ratio: float
    target: float
    better: str
    runs: int
    conditions: str

    @property
    def reached(self) -> bool:
        return self.ratio >= self.target if self.better == "higher" else self.ratio <= self.target


def compare(
    name: str,
    unit: str,
    ours: Callable[[], float],
    baseline: Callable[[], float],
    *,
    baseline_name: str,
    target: float,
    better: str = "higher",
    runs: int = RUNS,
    conditions: str = "",
) -> Comparison:
    """Measure both `runs` times, one after the other, and compare the medians."""
    ours_seen, baseline_seen = [], []
    for _ in range(runs):
        baseline_seen.append(baseline())
        ours_seen.append(ours())
    mine, theirs = statistics.median(ours_seen), statistics.median(baseline_seen)
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    return Comparison(
        name,
        unit,
        round(mine, 3),
        round(theirs, 3),
        baseline_name,
        round(mine / theirs, 3),
        target,
        better,
        runs,
        f"{conditions}; {machine}" if conditions else machine,
    )


def report(name: str, comparisons: list[Comparison]) -> bool:
    """Write `results/<name>.json`, print the table; whether every target was reached."""
    RESULTS.mkdir(exist_ok=True)
    rows = [asdict(comparison) for comparison in comparisons]
    text = json.dumps(rows, indent=2, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n", "utf-8")
    for row in comparisons:
        sign = "≥" if row.better == "higher" else "≤"
        verdict = "reached" if row.reached else "MISSED"
        print(
            f"{row.name:28} {row.ours:>12,.1f} {row.unit:6} against {row.baseline:>12,.1f} "
            f"({row.baseline_name}): {row.ratio:.2f}x, target {sign} {row.target}x  {verdict}"
        )
    return all(row.reached for row in comparisons)
