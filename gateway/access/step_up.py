"""Step-up (RFC 9470): health and face data need a passkey that has just confirmed the person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from gateway.access.ask import Ask
from gateway.clock import to_ms
from gateway.errors import Problem, ProblemCode
from policies.engine import Engine
from policies.explain import Explanation
from policies.facts import Facts
from policies.vocabulary import Action, Content, Modality, PrincipalKind

WINDOW = timedelta(minutes=15)
CONTENTS = frozenset({Content.HEALTH, Content.FACE})
ACR = "phr"
CODE = "STEP_UP_DUE"


def window_ms(ask: Ask, modality: str, content: str) -> int:
    """How old the passkey's answer may be for this question; 0 where none is asked for."""
    sensitive = modality == Modality.MEDICAL_IMAGE or content in CONTENTS
    return WINDOW // timedelta(milliseconds=1) if sensitive and ask.caller else 0


def confirmed_ms(ask: Ask) -> int | None:
    """When a passkey last confirmed the person, for the rules."""
    return to_ms(ask.caller.confirmed_at) if ask.caller and ask.caller.confirmed_at else None


def is_all_that_is_missing(engine: Engine, action: Action, facts: Facts) -> bool:
    """Whether a no would be a yes if a passkey confirmed the person now."""
    if not facts.target.strong_auth_within_ms:
        return False
    confirmed = replace(facts.subject, strong_auth_at_ms=facts.now_ms)
    return engine.decide(action, replace(facts, subject=confirmed)).allowed


def is_the_last_step(found: Explanation) -> bool:
    """Whether a path to a yes has come to its last step: the passkey."""
    return [step.code for step in found.path] == [CODE]


_OF_A_MACHINE = (
    "건강·얼굴 데이터는 책임자가 패스키로 인증하고 맡은 기계 계정만, 새로 받은 토큰으로 15분 동안 "
    "받을 수 있습니다. 책임자가 /account에서 패스키로 인증하고 다시 맡으면 됩니다.",
    "Health and face data go to a machine that its responsible person has accepted with a passkey, "
    "for 15 minutes from a new token. They accept it again with a passkey at /account.",
)
_OF_A_PERSON = (
    "건강·얼굴 데이터는 15분 안에 패스키로 인증한 세션에서만 받을 수 있습니다.",
    "Health and face data need a session that a passkey has confirmed within 15 minutes.",
)


def required(kind: PrincipalKind = PrincipalKind.PERSON) -> Problem:
    """The 401 that says how to confirm oneself, or who confirms a machine."""
    return Problem(
        ProblemCode.INSUFFICIENT_USER_AUTHENTICATION,
        *(_OF_A_MACHINE if kind is PrincipalKind.MACHINE else _OF_A_PERSON),
        acr_values=ACR,
        max_age=int(WINDOW.total_seconds()),
    )
