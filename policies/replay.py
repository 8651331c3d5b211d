"""Past questions put to other rules: who would have been answered differently.

Rules are computed over columns of facts, thousands of times faster than one by one; the answer is
the engine's, which tests show by comparing the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from policies import rules, scope
from policies.algebra import Evaluator
from policies.columns import Columns, Table
from policies.decision import Outcome
from policies.rules import RuleSource, Statement

CHUNK: Final = 1 << 16
"""Rows at a time, so that the columns in work stay in the processor's cache."""

OUTCOMES: Final = (Outcome.DENY, Outcome.REVIEW, Outcome.ALLOW)


@dataclass(frozen=True, slots=True)
class Answers:
    """One row for each question: ``outcome`` counts in ``OUTCOMES``; ``reasons`` holds for each
    forbid (by rule id) where it applied, and is empty unless it was asked for."""

    outcome: npt.NDArray[np.uint8]
    reasons: Mapping[str, npt.NDArray[np.bool_]]


class Replay:
    """The rules of one release, ready to answer columns of questions.

    Raises algebra.Unsupported, on answering, for a rule that cannot be computed in columns.
    """

    def __init__(self, source: RuleSource) -> None:
        concerned = scope.rules_by_action(source)
        self._rules = {
            action: tuple(s for s in source.statements if s.id in ids)
            for action, ids in concerned.items()
        }
        self._waiting = {
            s.id for s in source.statements if s.forbids and rules.outcome(s) is Outcome.REVIEW
        }

    def outcomes(self, action: str, rows: Table) -> npt.NDArray[np.uint8]:
        """The outcome of every row, with memory for one chunk beside the answer."""
        found = np.empty(rows.size, np.uint8)
        for start in range(0, rows.size, CHUNK):
            part = rows.part(start, start + CHUNK)
            found[start : start + part.size] = self._answer(action, part, {})
        return found

    def answers(self, action: str, rows: Table) -> Answers:
        """Outcome and every reason of every row."""
        reasons: dict[str, npt.NDArray[np.bool_]] = {}
        outcome = self._answer(action, rows, reasons)
        return Answers(outcome, reasons)

    def _answer(
        self, action: str, rows: Table, reasons: dict[str, npt.NDArray[np.bool_]]
    ) -> npt.NDArray[np.uint8]:
        permitted, denied, waiting, failed = (np.zeros(rows.size, np.bool_) for _ in range(4))
        for statement, holds, errs in self._applied(action, rows):
            failed |= errs
            if not statement.forbids:
                permitted |= holds
                continue
            reasons[statement.id] = np.broadcast_to(holds, (rows.size,))
            if statement.id in self._waiting:
                waiting |= holds
            else:
                denied |= holds
        return _outcome(permitted, denied, waiting, failed)

    def _applied(self, action: str, rows: Table) -> Iterator[tuple[Statement, Any, Any]]:
        evaluator = Evaluator(Columns(rows), action)
        for statement in self._rules[action]:
            result = evaluator.applies(statement)
            yield (
                statement,
                np.logical_and(result.value, np.logical_not(result.error)),
                result.error,
            )


def _outcome(
    permitted: npt.NDArray[np.bool_],
    denied: npt.NDArray[np.bool_],
    waiting: npt.NDArray[np.bool_],
    failed: npt.NDArray[np.bool_],
) -> npt.NDArray[np.uint8]:
    """As the engine judges: an error denies, and only a forbid that waits makes a review."""
    no = denied | failed
    review = waiting & ~no
    allow = permitted & ~no & ~waiting
    return review.astype(np.uint8) + 2 * allow.astype(np.uint8)
