"""What can go wrong for the client, each as one clear line."""

from __future__ import annotations

from typing import Any


class ClientError(Exception):
    """It could not be done; the message is one line that says what to do next."""


class Unreachable(ClientError):
    """Nobody answers, or the connection broke; trying again later may help."""


class Refused(ClientError):
    """The gateway said no. `problem` is its RFC 9457 object, `pause` the seconds that it asks to
    wait for."""

    def __init__(self, problem: dict[str, Any], pause: float | None = None) -> None:
        super().__init__(_line(problem))
        self.pause = pause
        self.problem = problem
        self.code = str(problem.get("code", ""))
        self.status = int(problem.get("status", 0))

    @property
    def blockers(self) -> list[dict[str, Any]]:
        """Every reason of a denial, with remedy and who can take it."""
        found = self.problem.get("blockers", [])
        return found if isinstance(found, list) else []

    @property
    def fields(self) -> list[dict[str, Any]]:
        """What is wrong with each field of what was sent."""
        found = self.problem.get("errors", [])
        return found if isinstance(found, list) else []

    @property
    def remedy(self) -> str:
        """What would change the answer: the remedies of a denial, else the problem's next step."""
        found = [str(each.get("remedy_en", "")) for each in self.blockers]
        return " ".join(each for each in found if each) or str(self.problem.get("next", ""))


def _line(problem: dict[str, Any]) -> str:
    detail = problem.get("detail") or problem.get("title") or "the gateway refused"
    return f"{detail} [{problem.get('code', 'unknown')}]"
