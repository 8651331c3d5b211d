"""Problems: every refusal has a stable code, a status, and a sentence that says what to do next.

The wire form is RFC 9457 (`application/problem+json`); pages and commands use the same texts.
Policy codes live with the rules in `policies/` and appear as `blockers` under `access_denied`.
"""

from __future__ import annotations

from typing import Any

from gateway.problem_codes import ProblemCode
from gateway.problem_texts import PROBLEMS

__all__ = ["PROBLEMS", "OperatorError", "Problem", "ProblemCode"]


class Problem(Exception):
    """A refusal with a code. `detail_*` say what exactly; `next_*` the way on, where the code's own
    does not fit; `extra` are RFC 9457 members.

    Raised by services for bad input, and turned into a page, JSON or one line by the edge.
    """

    def __init__(
        self,
        code: ProblemCode,
        detail_ko: str = "",
        detail_en: str = "",
        *,
        next_ko: str = "",
        next_en: str = "",
        **extra: Any,
    ) -> None:
        super().__init__(f"{code}: {detail_en or PROBLEMS[code].title_en}")
        self.code = code
        self.detail_ko = detail_ko
        self.detail_en = detail_en
        self.next_ko = next_ko or PROBLEMS[code].next_ko
        self.next_en = next_en or PROBLEMS[code].next_en
        self.extra = extra

    @property
    def status(self) -> int:
        return int(PROBLEMS[self.code].status)

    def to_json(self, language: str) -> dict[str, Any]:
        """The RFC 9457 object in `language` ("ko" or "en")."""
        text = PROBLEMS[self.code]
        korean = language == "ko"
        body: dict[str, Any] = {
            "type": f"/docs/problems#{self.code}",
            "code": str(self.code),
            "status": self.status,
            "title": text.title_ko if korean else text.title_en,
            "detail": self.detail_ko if korean else self.detail_en,
            "next": self.next_ko if korean else self.next_en,
        }
        return {key: value for key, value in (body | self.extra).items() if value != ""}


class OperatorError(Exception):
    """A command or a start-up that cannot go on; the message is one clear line for the operator."""
