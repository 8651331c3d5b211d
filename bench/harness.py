"""Runs ours and the baseline alternately, takes medians, writes and prints the ratio."""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
RUNS = 5


@dataclass(frozen=True, slots=True)
class Comparison:
    """One number to reach. `better` says whether `ours` should be "higher" or "lower".

    `limit` is what `ours` itself must reach besides, in its own unit.
    """

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
    limit: float | None = None

    @property
    def reached(self) -> bool:
        """Whether the ratio meets its target, and the figure its limit."""
        within = self.limit is None or self._meets(self.ours, self.limit)
        return within and self._meets(self.ratio, self.target)

    def _meets(self, found: float, wanted: float) -> bool:
        return found >= wanted if self.better == "higher" else found <= wanted


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
    limit: float | None = None,
) -> Comparison:
    """Measure both `runs` times, one after the other, and compare the medians."""
    ours_seen, baseline_seen = [], []
    for _ in range(runs):
        baseline_seen.append(baseline())
        ours_seen.append(ours())
    return judge(
        name,
        unit,
        ours_seen,
        baseline_seen,
        baseline_name=baseline_name,
        target=target,
        better=better,
        conditions=conditions,
        limit=limit,
    )


def judge(
    name: str,
    unit: str,
    ours_seen: Sequence[float],
    baseline_seen: Sequence[float],
    *,
    baseline_name: str,
    target: float,
    better: str = "higher",
    conditions: str = "",
    limit: float | None = None,
) -> Comparison:
    """Compare the medians of what was measured, alternately."""
    mine, theirs = statistics.median(ours_seen), statistics.median(baseline_seen)
    if limit is not None:
        conditions = f"limit {limit:g} {unit}; {conditions}"
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
        len(ours_seen),
        f"{conditions}; {machine}" if conditions else machine,
        limit,
    )


def report(name: str, comparisons: list[Comparison]) -> bool:
    """Write `results/<name>.json`, print the table; whether every target was reached."""
    RESULTS.mkdir(exist_ok=True)
    rows = [asdict(comparison) for comparison in comparisons]
    for row in rows:
        del row["limit"]
    text = json.dumps(rows, indent=2, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n", "utf-8")
    for one in comparisons:
        sign = "≥" if one.better == "higher" else "≤"
        verdict = "reached" if one.reached else "MISSED"
        print(
            f"{one.name:28} {one.ours:>12,.1f} {one.unit:6} against {one.baseline:>12,.1f} "
            f"({one.baseline_name}): {one.ratio:.2f}x, target {sign} {one.target}x  {verdict}"
        )
    return all(one.reached for row in comparisons)
