"""What a person reads when an identity check does not hold; each is an event as well."""

from __future__ import annotations

from gateway.errors import Problem, ProblemCode
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.runtime import Runtime

_SAID = {
    "flow_unknown": (
        ProblemCode.IDENTITY_CHECK_ENDED,
        "이 본인확인은 이미 끝났거나 유효 시간이 지났거나 다른 로그인에서 시작했습니다.",
        "This check has been used, has run out, or was begun in another session.",
    ),
    "agency_unclear": (
        ProblemCode.IDENTITY_CHECK_UNAVAILABLE,
        "본인확인 기관이 분명한 답을 주지 않았습니다.",
        "The identity-check agency gave no clear answer.",
    ),
    "agency_declined": (
        ProblemCode.IDENTITY_CHECK_REFUSED,
        "본인확인 기관에서 본인확인을 마치지 못했습니다.",
        "The agency did not establish who you are.",
    ),
    "name_differs": (
        ProblemCode.IDENTITY_KNOWN,
        "본인확인 기관이 아는 이름과 계정의 이름이 다릅니다.",
        "The agency knows you by another name than your account.",
    ),
    "identity_known": (
        ProblemCode.IDENTITY_KNOWN,
        "같은 사람으로 본인확인을 마친 다른 계정이 있습니다. 그 계정으로 로그인해 주십시오. "
        "그 계정을 쓸 수 없으면 운영자에게 계정을 닫고 본인확인 기록을 풀어 달라고 요청하십시오.",
        "Another account has been checked as the same person. Sign in with that one. If you "
        "cannot, ask the operator to close it and to release its identity.",
    ),
    "identity_differs": (
        ProblemCode.IDENTITY_KNOWN,
        "이 계정은 다른 사람으로 본인확인을 마쳤습니다. 계정은 다른 사람에게 넘길 수 없습니다.",
        "This account has been checked as somebody else, and accounts are not handed on.",
    ),
}


# Where the code's own next step is about something else.
_NEXT = {
    "name_differs": (
        "계정 화면에서 이름을 고친 뒤 다시 본인확인을 해 주십시오.",
        "Correct the name on your account, then have your identity checked again.",
    ),
    "identity_differs": (
        "이 계정에서 로그아웃하고 본인의 계정을 만들어 주십시오.",
        "Sign out of this account and make one of your own.",
    ),
}


def refused(runtime: Runtime, actor: Actor, why: str) -> Problem:
    """Write the refusal down, and give what the person reads."""
    runtime.folding.record(Entry(actor, Act.IDENTITY_CHECK_REFUSED, Outcome.DENY, reason=why))
    code, ko, en = _SAID[why]
    next_ko, next_en = _NEXT.get(why, ("", ""))
    return Problem(code, ko, en, next_ko=next_ko, next_en=next_en)


def not_configured() -> Problem:
    return Problem(
        ProblemCode.WRONG_STATE,
        "이 사이트에는 본인확인 기관이 연결되어 있지 않습니다.",
        "No identity-check agency is connected here.",
        next_ko="소속기관의 관리자나 데이터 관리 담당자에게 신분증 확인을 요청해 주십시오.",
        next_en="Ask your organisation's manager or a data steward to look at your identity card.",
    )
