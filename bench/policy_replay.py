"""A million past decisions put to other rules, from columns of their facts.

The baseline asks the engine one by one, on a sample: every past decision had facts of its own, so
each is parsed. Both must give the same outcomes on the sample.
"""

from __future__ import annotations

import time

import numpy as np

from bench.harness import Comparison, compare
from bench.policy_beds import Question, engine, per_second, questions
from policies import rules
from policies.columns import Table, table
from policies.replay import OUTCOMES, Replay
from policies.vocabulary import Action

ROWS, DISTINCT, SAMPLE = 1_000_000, 10_000, 1_000
ACTION = str(Action.DOWNLOAD)


def run() -> list[Comparison]:
    """The comparison `policy.replay`."""
    past = [(ACTION, facts) for _, facts in questions(DISTINCT, DISTINCT, "replay")]
    rows, replay = _million(past), Replay(rules.read())
    _same(replay, rows, past[:SAMPLE])
    return [
        compare(
            "policy.replay",
            "1/s",
            lambda: _replayed(replay, rows),
            lambda: per_second(engine().decide, past[:SAMPLE]),
            baseline_name="the engine one by one",
            target=500.0,
            conditions=f"{ROWS:,} downloads, {DISTINCT:,} distinct facts; processor time",
        )
    ]


def _million(past: list[Question]) -> Table:
    """The facts over and over, in one table."""
    once = table(facts for _, facts in past)
    repeated = {path: np.resize(column, ROWS) for path, column in once.columns.items()}
    return Table(ROWS, repeated)


def _same(replay: Replay, rows: Table, past: list[Question]) -> None:
    found, ours = replay.outcomes(ACTION, rows.part(0, len(past))), engine()
    assert [OUTCOMES[n] for n in found] == [ours.decide(*question).outcome for question in past]


def _replayed(replay: Replay, rows: Table) -> float:
    started = time.process_time()
    replay.outcomes(ACTION, rows)
    return ROWS / (time.process_time() - started)
