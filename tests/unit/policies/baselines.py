"""The whole sets of facts that the case files start from, by name and by what they allow."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import Any

from policies.casefile import BASELINES_FILE, default_root
from policies.facts import Facts
from policies.facttable import facts_from
from policies.vocabulary import Action

ALLOWED = {
    Action.READ_IN_ZONE: "visitor",
    Action.IMPORT_TO_ZONE: "visitor",
    Action.WORK_TASK: "worker",
    Action.DECIDE_APPLICATION: "member",
    Action.DECIDE_EXPORT: "member",
}


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads((default_root() / BASELINES_FILE).read_text(encoding="utf-8"))


def baseline(name: str) -> Facts:
    """The facts of a baseline."""
    return facts_from(_tables()[name])


def allowed_facts(action: Action) -> Facts:
    """Facts under which the rules allow an action."""
    return baseline(ALLOWED.get(action, "researcher"))
