"""The rules in words: what each looks for, and what it saw."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import Flask

from gateway.clock import from_ms
from gateway.oversight.models import Anomaly
from gateway.oversight.signs import RuleCode
from gateway.web.i18n import lazy
from gateway.web.labels import Kind, Label


class RuleWords(NamedTuple):
    """A rule's name, and a sentence with its figures."""

    name: Any
    seen: Any


RULES: dict[str, RuleWords] = {
    RuleCode.VOLUME: RuleWords(
        lazy("Unusually many downloads"),
        lazy(
            "%(today)s downloads on this day. On the %(days)s days with downloads in the four "
            "weeks before, it was usually %(usual)s (the median). This rule speaks from 100 "
            "downloads and five times the usual on."
        ),
    ),
    RuleCode.OFF_HOURS: RuleWords(
        lazy("Downloads at night"),
        lazy(
            "%(night)s downloads between %(from)s:00 and 0%(to)s:00. In the four weeks before, "
            "this person downloaded at night on %(nights)s days."
        ),
    ),
    RuleCode.TWO_NETWORKS: RuleWords(
        lazy("Two networks at once"),
        lazy(
            "The same account from %(networks)s networks within %(minutes)s minutes. There is no "
            "map of addresses here: a network is the first 16 bits of an IPv4 address or the "
            "first 32 of an IPv6 address. A telephone that changes from Wi-Fi to mobile data "
            "looks the same."
        ),
    ),
    RuleCode.ENUMERATION: RuleWords(
        lazy("Trying doors"),
        lazy("%(different)s different things were refused within %(minutes)s minutes."),
    ),
    RuleCode.REFUSALS: RuleWords(
        lazy("Many refusals"), lazy("%(refused)s refused attempts on this day.")
    ),
    RuleCode.NO_REASON: RuleWords(
        lazy("Downloads without a stated reason"),
        lazy("Downloads for which no purpose of use is on record: %(downloads)s."),
    ),
    RuleCode.BREAK_GLASS: RuleWords(
        lazy("Break-glass access"),
        lazy("Emergencies opened: %(opened)s. Things stopped under them: %(used)s."),
    ),
    RuleCode.UNFINISHED: RuleWords(
        lazy("Intent without outcome"),
        lazy(
            "Transfers that were let through without anybody reporting how they ended: "
            "%(transfers)s. The process may have died, or the front server has not reported."
        ),
    ),
}
STATES = {
    "open": Label(Kind.WARN, lazy("Not judged yet")),
    "confirmed": Label(Kind.STOP, lazy("Confirmed as an anomaly")),
    "dismissed": Label(Kind.OK, lazy("Nothing wrong")),
}
REVIEWS = {
    "open": Label(Kind.WAIT, lazy("To be reviewed")),
    "signed": Label(Kind.OK, lazy("Review signed")),
}
MARKS = {
    "confirmed": Label(Kind.OK, lazy("Reason confirmed")),
    "exception": Label(Kind.STOP, lazy("Exception")),
}


def rule_name(code: str) -> str:
    """The name of a rule, or its code if a later version has dropped it."""
    known = RULES.get(code)
    return str(known.name) if known else code


def explained(row: Anomaly) -> str:
    """What a rule saw, with its figures."""
    known = RULES.get(row.rule)
    try:
        return str(known.seen) % row.evidence["figures"] if known else row.rule
    except KeyError:
        return row.rule  # found by an older version with other figures


def options() -> list[tuple[str, Any]]:
    """Every rule, for a select."""
    return [(str(code), words.name) for code, words in RULES.items()]


def install(app: Flask) -> None:
    """Templates have `rule_name(code)`, `explained(row)`, `anomaly_at(row)` and the labels."""
    app.jinja_env.globals.update(
        rule_name=rule_name, explained=explained, anomaly_labels=STATES, review_labels=REVIEWS,
        mark_labels=MARKS, anomaly_at=lambda row: from_ms(row.start_ms),
    )  # fmt: skip
