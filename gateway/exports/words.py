"""The words for exports, for pages in both languages."""

from __future__ import annotations

from typing import Any

from flask import Flask

from gateway.exports import holding
from gateway.exports.failure import SENTENCES, Failure
from gateway.exports.holding import Held
from gateway.exports.models import ExportKind, ExportState
from gateway.web.i18n import language, lazy

KINDS: dict[ExportKind, Any] = {
    ExportKind.PACKAGE: lazy("Package"),
    ExportKind.RESULT: lazy("Analysis result"),
}
# Who has the next move, as `actor_label` names them; nobody is named while the gate works.
TURNS: dict[ExportState, str] = {
    ExportState.HELD: "steward",
    ExportState.APPROVED: "steward",
    ExportState.REJECTED: "applicant",
    ExportState.FAILED: "applicant",
}


def kind_word(kind: str) -> str:
    """What an export is. Raises ValueError for an unknown kind."""
    return str(KINDS[ExportKind(kind)])


def turn(state: ExportState) -> str | None:
    """Who has the next move, or None."""
    return TURNS.get(state)


def failure_sentence(failure: Failure) -> str:
    """Why it failed and what to do, in the reader's language."""
    ko, en = SENTENCES[failure]
    return ko if language() == "ko" else en


def held_sentence(reason: Held) -> str:
    """Why it is held, in the reader's language."""
    ko, en = holding.SENTENCES[reason]
    return ko if language() == "ko" else en


def install(app: Flask) -> None:
    """Templates have the words as functions."""
    app.jinja_env.globals.update(
        export_kind_word=kind_word,
        export_turn=turn,
        failure_sentence=failure_sentence,
        held_sentence=held_sentence,
    )
