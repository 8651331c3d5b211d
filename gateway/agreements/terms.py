"""The terms of an agreement in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.web.i18n import gettext as _
from gateway.web.i18n import lazy, ngettext
from policies.terms import Change

CONDITIONS = {
    "allowed": lazy("Allowed"),
    "with_consent": lazy("Only with written consent"),
    "forbidden": lazy("Not allowed"),
}
SIGNATURES = {
    "personal": lazy("Each person signs"),
    "personal+organisation": lazy("Each person signs for their organisation"),
}
PURPOSES = {
    "academic_research": lazy("Academic research"),
    "commercial_development": lazy("Commercial development"),
    "statistics": lazy("Statistics"),
    "public_interest_archiving": lazy("Archiving in the public interest"),
    "education": lazy("Education"),
    "public_service": lazy("Public service"),
    "deepfake_detection": lazy("Detection of deepfakes"),
}
Pair = tuple[str, str]


def in_words(terms: Mapping[str, Any]) -> list[Pair]:
    """Each term as a name and a sentence in the reader's language."""
    return [
        (_("Permitted purposes"), ", ".join(_purpose(name) for name in terms["purposes"])),
        (_("Way of use"), _way(terms)),
        (_("Passing the data on"), _condition(terms["redistribution"])),
        (_("Processing by others, language-model services included"),
         _condition(terms["third_party_processing"])),
        (_("Transfer abroad"), _condition(terms["overseas_transfer"])),
        (_("Re-identifying people"), _condition("forbidden")),
        (_("Naming the source"), _("Required") if terms["attribution"] else _("Not required")),
        (_("If the data is recalled"), _recall(terms)),
        (_("Reporting a breach"), _count(_hours, terms["breach_report_hours"])),
        (_("Term in the safe zone"), _zone_term(terms)),
        (_("A signature holds for"), _count(_days, terms["acceptance_valid_days"])),
        (_("Who signs"), str(SIGNATURES[terms["signature"]])),
        (_("Time to sign this version"), _notice(terms)),
    ]  # fmt: skip


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Each term that differs: its name, and what it was and is in the reader's words."""
    pairs = zip(in_words(old), in_words(new), strict=True)
    return [(name, was, now) for (name, was), (_name, now) in pairs if was != now]


def _purpose(name: str) -> str:
    return str(PURPOSES[name])


def _way(terms: Mapping[str, Any]) -> str:
    if terms["training_only"]:
        return str(_("Training and evaluation of models only; nobody looks at the content"))
    return str(_("Whatever was stated in the application"))


def _zone_term(terms: Mapping[str, Any]) -> str:
    number = int(terms["zone_term_days"])
    return _days(number) if number else str(_("None set"))


def _notice(terms: Mapping[str, Any]) -> str:
    if terms["change"] == Change.FIRST:
        return str(_("Does not apply (first version)"))
    number = int(terms["notice_days"])
    return _days(number) if number else str(_("No new signature is asked for"))


def _condition(name: str) -> str:
    return str(CONDITIONS[name])


def _recall(terms: Mapping[str, Any]) -> str:
    if not terms["destruction_on_recall"]:
        return str(_("No duty to destroy"))
    return _count(_destroy, terms["destruction_days"])


def _count(words: Callable[[int], str], number: Any) -> str:
    return words(int(number))


def _days(number: int) -> str:
    return str(ngettext("%(num)d day", "%(num)d days", number))


def _hours(number: int) -> str:
    return str(ngettext("Within %(num)d hour", "Within %(num)d hours", number))


def _destroy(number: int) -> str:
    return str(ngettext("Destroy it within %(num)d day", "Destroy it within %(num)d days", number))
