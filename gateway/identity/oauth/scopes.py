"""What a program may do with a token: its scope against the request, before any route runs."""

from __future__ import annotations

from flask import Request

from gateway.errors import Problem, ProblemCode
from gateway.identity.oauth.vocabulary import Scope
from gateway.identity.service_sessions import Application

READING = frozenset({"GET", "HEAD", "OPTIONS"})
USERINFO = "/oauth2/userinfo"
# What is about the person, not about their work here, has a scope of its own.
ACCESS_LOG, PASSPORTS = "/api/v1/access-log", "/api/v1/passports"
# Signing out must never fail for want of a scope.
FREE = frozenset({("DELETE", "/api/v1/session")})
# Addresses that hand out bytes, or the capability to fetch them.
BYTES = ("/api/v1/urls", "/ga4gh/")
BYTE_ENDINGS = ("/url",)


def check(application: Application | None, request: Request) -> None:
    """Raises Problem 403 `insufficient_scope` with the scope that would do (RFC 6750 3.1)."""
    if application is None or (request.method, request.path) in FREE:
        return
    needed = needed_for(request.method, request.path)
    if needed not in application.scope:
        raise _lacking(application, needed)


def needed_for(method: str, path: str) -> Scope:
    """The one scope that a request needs."""
    if path == USERINFO:
        return Scope.OPENID
    if path == ACCESS_LOG or path.startswith(f"{ACCESS_LOG}/"):
        return Scope.ACCESS_LOG
    if path == PASSPORTS and method in READING:
        return Scope.PASSPORT
    if path.startswith(BYTES) or path.endswith(BYTE_ENDINGS):
        return Scope.DOWNLOAD
    return Scope.READ if method in READING else Scope.WRITE


def _lacking(application: Application, needed: Scope) -> Problem:
    """What would help: nobody consents for a machine, its scopes were set when it was made."""
    ko, en = f"필요한 권한 범위: {needed}.", f"The scope this takes: {needed}."
    if not application.machine:
        return Problem(ProblemCode.INSUFFICIENT_SCOPE, ko, en, scope=str(needed))
    return Problem(
        ProblemCode.INSUFFICIENT_SCOPE,
        ko,
        en,
        next_ko="소속기관의 관리자가 이 권한 범위로 기계 계정을 새로 등록해야 합니다.",
        next_en="A manager of the organisation registers a machine client with this scope.",
        scope=str(needed),
    )
