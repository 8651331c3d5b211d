"""Who may ask about whom: people about themselves, stewards about their datasets, auditors."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.access.ask import Caller
from gateway.access.service import append, record_refusal
from gateway.errors import Problem, ProblemCode
from gateway.identity import rules
from gateway.identity.models import EVERYWHERE, Role
from gateway.identity.service_role_reads import covers
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.runtime import Runtime

WATCHERS = (Role.STEWARD, Role.AUDITOR)
_NEEDED = sorted(WATCHERS)


@dataclass(frozen=True, slots=True)
class Asker:
    """The signed-in person who asks; `scoped` are their (role, scope) pairs, `caller` is what
    their session says."""

    actor: Actor
    person_id: uuid.UUID
    account: str
    scoped: frozenset[tuple[str, str]]
    caller: Caller

    def is_called(self, account: str) -> bool:
        """Whether an account, in any spelling, is the asker's own."""
        return rules.fold(account) == self.account

    def stewards(self, dataset: str) -> bool:
        """Whether this person is a steward of a dataset (its slug)."""
        return covers(self.scoped, Role.STEWARD, dataset)

    def watches(self, dataset: str) -> bool:
        """Whether others' access to a dataset (its slug) is this person's business."""
        return any(covers(self.scoped, role, dataset) for role in WATCHERS)

    def watched(self) -> frozenset[str] | None:
        """The slugs of the datasets that this person watches; None for every dataset."""
        scopes = frozenset(scope for role, scope in self.scoped if role in set(WATCHERS))
        return None if EVERYWHERE in scopes else scopes


def expect(runtime: Runtime, asker: Asker, allowed: bool) -> None:
    """Raise Problem FORBIDDEN unless `allowed`; the refusal is recorded."""
    if allowed:
        return
    detail = {"roles": ",".join(_NEEDED), "endpoint": "decisions"}
    entry = Entry(
        asker.actor, Act.ACCESS_DECIDED, Outcome.DENY, reason="role_missing", detail=detail
    )
    record_refusal(runtime.folding, entry)
    raise Problem(
        ProblemCode.FORBIDDEN,
        "다른 사람의 이용 가능 여부는 그 데이터셋의 데이터 관리 담당자와 감사 담당자만 확인합니다.",
        "Only stewards of the dataset and auditors may ask about other people.",
        required_roles=_NEEDED,
    )


def record_look(
    runtime: Runtime,
    asker: Asker,
    people: Iterable[uuid.UUID | None],
    dataset: str | None,
    **detail: str | int | bool,
) -> None:
    """Record that others' standing was looked at, durably, before anything of it is shown.

    None among `people` stands for an account that nobody has: that there is none is told as well.
    Nothing is recorded when only the asker's own was. Raises Problem LOG_UNAVAILABLE.
    """
    asked = list(people)
    others = sorted(frozenset(each for each in asked if each is not None) - {asker.person_id})
    if unknown := asked.count(None):
        detail |= {"unknown": unknown}
    if others or unknown:
        entry = Entry(
            asker.actor, Act.POLICY_EXPLAINED, subjects=others, dataset=dataset, detail=detail
        )
        append(runtime.journal, entry)
