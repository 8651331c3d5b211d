"""Gathers the rows of reports from the log and from what was decided in a review."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from audit import stats
from audit.errors import SealBroken
from gateway.clock import to_ms
from gateway.journal import Act
from gateway.oversight.directory import Directory
from gateway.oversight.downloads import Group
from gateway.oversight.entries import TOKEN_SHOWN, Seen, see
from gateway.oversight.models import Anomaly, MarkKind, ReviewMark
from gateway.oversight.reading import Reading
from gateway.oversight.report import Report, Row, Section
from gateway.oversight.words import others
from gateway.runtime import Runtime

_RIGHTS = frozenset({"role", "membership", "grant", "approval"})
RIGHTS = tuple(act for act in Act if act.partition(".")[0] in _RIGHTS)
UNMARKED = "미점검 (not reviewed)"
RESULTS = {
    MarkKind.CONFIRMED: "사유 확인 (reason confirmed)",
    MarkKind.EXCEPTION: "예외 (exception)",
}
DECISIONS = {
    "open": "미판단 (not decided)",
    "confirmed": "이상 확인 (confirmed)",
    "dismissed": "이상 없음 (dismissed)",
}
ERASED = "파기 (erased)"


class Accounts:
    """Names people by their accounts, which never change; an erased person has none."""

    def __init__(self, runtime: Runtime, opened: Reading, directory: Directory) -> None:
        self._vault = runtime.vault
        self._opened = opened
        self._directory = directory
        self._known: dict[str, str] = {}
        self.erased = 0

    def learn(self, seen: Seen) -> None:
        """Take the account of somebody without a row among the people: an operator on the host."""
        if seen.actor is not None and seen.actor.account:
            self._known.setdefault(seen.actor.token, seen.actor.account)

    def __call__(self, token: str | None) -> str:
        if token is None:
            return ""
        if token not in self._known:
            self._known[token] = self._name(token)
        return self._known[token]

    def _name(self, token: str) -> str:
        short = f"#{token[:TOKEN_SHOWN]}"
        if self._is_erased(token):
            self.erased += 1
            return f"{short} {ERASED}"
        return self._directory.accounts(self._opened.session, [token]).get(token, short)

    def _is_erased(self, token: str) -> bool:
        try:
            row = self._vault.load(self._opened.sql, token)
        except SealBroken:
            return False
        return row is not None and row.key is None


def download_rows(groups: Sequence[Group]) -> Iterator[Row]:
    """What was downloaded, for what purpose, and what the reviewer said about it."""
    for group in groups:
        mark = group.mark
        yield Row(
            Section.DOWNLOAD, Act.DOWNLOAD_AUTHORIZED, group.entries, person=group.person,
            dataset=group.dataset, purpose=group.purpose, ref=group.ref, first=group.first,
            last=group.last, result=RESULTS[MarkKind(mark.kind)] if mark else UNMARKED,
            note=mark.note if mark else "",
        )  # fmt: skip


def exception_rows(opened: Reading, marks: Sequence[ReviewMark]) -> Iterator[Row]:
    """Single downloads that were marked, in the order of their indexes."""
    indexes = sorted((int(mark.key.removeprefix("entry:")), mark) for mark in marks)
    for index, mark in indexes:
        for line in stats.lines(opened.sql, index, index + 1):
            yield Row(
                Section.EXCEPTION, line.action, 1, line.time_ms, line.person, (), line.dataset,
                None, line.ref, index, index, result=RESULTS[MarkKind(mark.kind)], note=mark.note,
            )  # fmt: skip


def anomaly_rows(found: Sequence[Anomaly]) -> Iterator[Row]:
    """What the rules found, and how it was judged."""
    for one in found:
        yield Row(
            Section.ANOMALY, one.rule, one.entries, one.start_ms, one.person,
            events=tuple(one.evidence["events"]), result=DECISIONS[one.state], note=one.note,
        )  # fmt: skip


def rights(
    runtime: Runtime, opened: Reading, directory: Directory, first: int, end: int
) -> list[Seen]:
    """Every role, membership, approval and grant given, changed or taken in a range, in order."""
    found = [
        see(row, opened, runtime.vault, directory)
        for act in RIGHTS
        for index, _leaf in stats.of_action(opened.sql, act, first, end)
        if (row := opened.log.get(index)) is not None
    ]
    return sorted(found, key=lambda seen: seen.index)


def rights_in(
    runtime: Runtime, opened: Reading, directory: Directory, report: Report
) -> list[Seen]:
    """The rights that changed in the period of a report, however the indexes fell."""
    start, until = to_ms(report.start), to_ms(report.until)
    found = rights(runtime, opened, directory, report.first, report.end)
    return [seen for seen in found if start <= to_ms(seen.at) < until]


def rights_rows(found: Sequence[Seen], learn: Callable[[Seen], None]) -> Iterator[Row]:
    """The same as rows."""
    for seen in found:
        learn(seen)
        role = seen.detail.get("role")
        yield Row(
            Section.RIGHTS, seen.task, 1, to_ms(seen.at), seen.actor.token if seen.actor else None,
            tuple(who.token for who in others(seen)), seen.dataset, _text(seen.detail, "purpose"),
            seen.ref, seen.index, seen.index, result=str(seen.outcome),
            note=f"{role} ({seen.detail.get('scope', '*')})" if role else "",
        )  # fmt: skip


def total_rows(opened: Reading, first: int, end: int) -> Iterator[Row]:
    """How often everything happened, by action and decision."""
    for action, outcome, count in stats.totals(opened.sql, first, end):
        yield Row(Section.TOTAL, action, count, result=outcome)


def _text(detail: Mapping[str, object], name: str) -> str | None:
    value = detail.get(name)
    return value if isinstance(value, str) else None
