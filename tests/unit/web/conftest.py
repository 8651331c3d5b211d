"""A small application with the shared edge and a few views to try it on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask, g, jsonify
from pydantic import BaseModel, ConfigDict, Field, field_validator

from gateway.clock import FixedClock
from gateway.config import Settings
from gateway.errors import Problem, ProblemCode
from gateway.web import forms, setup
from gateway.web.messages import FieldError
from gateway.web.pages import render

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Person:
    name: str = "김하늘"
    roles: frozenset[str] = frozenset({"steward"})
    locale: str | None = None


class Order(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=3)
    copies: int = Field(default=1, ge=1)
    tags: list[str] = []

    @field_validator("title")
    @classmethod
    def _no_shouting(cls, value: str) -> str:
        if value == "ABC":
            raise FieldError("대문자로만 쓸 수 없습니다.", "Please do not shout.")
        return value


BLOCKER = {
    "code": "GRANT_EXPIRED",
    "ko": "이용 기간이 끝났습니다.",
    "en": "The grant has expired.",
    "remedy_ko": "기간 연장을 신청해 주십시오.",
    "remedy_en": "Apply for a renewal.",
    "actor": "applicant",
}


def _order() -> Any:
    return jsonify(forms.parse(Order).model_dump())


def _again() -> Any:
    parsed = forms.try_parse(Order)
    return jsonify(errors=parsed.errors, raw=parsed.raw)


def _deny() -> Any:
    raise Problem(ProblemCode.ACCESS_DENIED, "거기까지", "so far", blockers=[BLOCKER])


def _slow_down() -> Any:
    raise Problem(ProblemCode.TOO_MANY_REQUESTS, retry_after=17)


def _boom() -> Any:
    raise RuntimeError("a secret inside")


def _page() -> str:
    return render("problem.html", problem={"title": "제목", "status": 404})


@pytest.fixture
def app() -> Flask:
    app = Flask("small", static_folder=None)
    app.secret_key = "k" * 32
    app.config["MAX_CONTENT_LENGTH"] = 10_000
    setup.install(app, Settings(), FixedClock(NOW))
    app.config["WTF_CSRF_ENABLED"] = False
    for prefix in ("", "/api/v1"):
        app.add_url_rule(f"{prefix}/order", f"{prefix}order", _order, methods=["POST"])
        app.add_url_rule(f"{prefix}/again", f"{prefix}again", _again, methods=["POST"])
        app.add_url_rule(f"{prefix}/deny", f"{prefix}deny", _deny)
        app.add_url_rule(f"{prefix}/slow", f"{prefix}slow", _slow_down)
        app.add_url_rule(f"{prefix}/boom", f"{prefix}boom", _boom)
    app.add_url_rule("/page", "page", _page)

    @app.before_request
    def _who() -> None:
        g.viewer = app.config.get("VIEWER")

    return app


@pytest.fixture
def client(app: Flask) -> Any:
    return app.test_client()
