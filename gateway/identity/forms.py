"""A form that goes to a service and comes back with what is wrong, in the person's own words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from flask import flash, redirect
from pydantic import BaseModel
from werkzeug.wrappers import Response

from gateway.errors import PROBLEMS, Problem, ProblemCode
from gateway.identity import rules
from gateway.web.forms import WHOLE, Form, try_parse
from gateway.web.i18n import language

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
# What the person can mend in the form itself; anything else is a page of its own.
SHOWN = frozenset({ProblemCode.VALIDATION_FAILED, ProblemCode.CONFLICT, ProblemCode.SIGN_IN_FAILED})


@dataclass(frozen=True, slots=True)
class Submitted(Generic[T]):
    """What the service returned, or the form to show again with its status."""

    form: Form
    status: int
    done: T | None = None

    @property
    def again(self) -> bool:
        """Whether the form has to be shown again."""
        return bool(self.form.errors)


def submitted(model: type[M], verb: Callable[[M], T]) -> Submitted[T]:
    """Parse the posted form and hand it to `verb`."""
    parsed = try_parse(model)
    if parsed.value is None:
        return Submitted(parsed.form, 422)
    try:
        return Submitted(parsed.form, 200, verb(parsed.value))
    except Problem as problem:
        if problem.code not in SHOWN:
            raise
        field = str(problem.extra.get("field", WHOLE))
        return Submitted(Form(parsed.raw, {field: _sentence(problem)}), problem.status)


def same(password: str, repeated: str) -> str:
    """The password, which was typed twice. Raises Problem 422."""
    if password != repeated:
        rules.refuse(
            "repeated", "두 비밀번호가 서로 다릅니다.", "The two passwords are not the same."
        )
    return password


def done(message: str, target: str) -> Response:
    """Go on to `target`, where `message` says what has happened."""
    flash(message, "ok")
    return redirect(target, code=303)


def _sentence(problem: Problem) -> str:
    text = PROBLEMS[problem.code]
    if language() == "ko":
        return problem.detail_ko or text.title_ko
    return problem.detail_en or text.title_en
