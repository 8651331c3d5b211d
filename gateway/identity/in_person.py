"""What people do themselves: a program is given a scope over data, not over who they are."""

from __future__ import annotations

from gateway.errors import Problem, ProblemCode
from gateway.identity.http import Viewer, require_viewer


def in_person() -> Viewer:
    """The signed-in person, who came without a program. Raises Problem 401, 403."""
    seen = require_viewer()
    if seen.application is not None:
        raise Problem(
            ProblemCode.FORBIDDEN,
            "프로그램으로는 할 수 없습니다. 본인이 직접 로그인해 주십시오.",
            "Not through a program. Sign in yourself.",
        )
    return seen
