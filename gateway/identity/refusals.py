"""Why somebody may not do what they asked for, and who may: every no names the way to a yes."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Role
from gateway.journal import Actor

# As the pages call the roles, in both languages: refusals are read by programs, too.
ROLE_NAMES: Final[dict[Role, tuple[str, str]]] = {
    Role.STEWARD: ("데이터 관리 담당자", "Data steward"),
    Role.COMMITTEE: ("심의위원", "Committee member"),
    Role.AUDITOR: ("감사 담당자", "Auditor"),
    Role.CONTRACTOR: ("수행기관", "Contractor"),
    Role.CROWD_WORKER: ("크라우드 작업자", "Crowd worker"),
    Role.ZONE_STAFF: ("안심존 운영자", "Safe-zone staff"),
    Role.OPERATOR: ("운영자", "Operator"),
}
_ASK_KO = (
    "역할은 운영자가 부여합니다. 운영자에게 역할을 요청하거나 역할을 맡은 사람에게 맡겨 주십시오."
)
_ASK_EN = "Roles are given by operators: ask one for it, or ask somebody who holds it to do this."
_MANAGER_KO = "소속기관의 관리자에게 요청해 주십시오. 관리자가 없으면 운영자에게 문의해 주십시오."
_MANAGER_EN = "Ask a manager of the organisation; where there is none, ask an operator."
_PERSON_KO = (
    "역할과 기관 관리자의 권한은 프로그램에 이어지지 않습니다. 브라우저나 sumun login으로 "
    "본인이 직접 로그인해 주십시오."
)
_PERSON_EN = (
    "What a role or an organisation's manager may do never goes through a program: sign in "
    "yourself, in a browser or with `sumun login`."
)


class Part(StrEnum):
    """For what a role has to be held: said to somebody who holds it for something else."""

    ANY = "any"
    HERE = "here"
    ALL = "all"


_PARTS: Final[dict[Part, tuple[str, str]]] = {
    Part.ANY: ("", ""),
    Part.HERE: ("이 데이터셋이나 안심존에 대해 ", " for this dataset or safe zone"),
    Part.ALL: ("범위 제한 없이 ", " everywhere, not for a part only"),
}


def role_missing(actor: Actor, roles: Iterable[Role], part: Part = Part.ANY) -> Problem:
    """The refusal that names the roles of which one would do."""
    named, where = sorted(roles), _PARTS[part]
    ko = " 또는 ".join(ROLE_NAMES[role][0] for role in named)
    en = " or ".join(ROLE_NAMES[role][1] for role in named)
    return _told(
        actor,
        f"{where[0]}이 작업에 필요한 역할: {ko}.",
        f"The role this takes{where[1]}: {en}.",
        (_ASK_KO, _ASK_EN),
        required_roles=[str(role) for role in named],
    )


def manager_missing(actor: Actor, also_ko: str = "", also_en: str = "") -> Problem:
    """The refusal for whoever does not manage the organisation; `also_*` name who else may."""
    ko = f"그 기관의 관리자{'나 ' + also_ko if also_ko else ''}만 할 수 있습니다."
    en = f"Only a manager of the organisation{' or ' + also_en if also_en else ''} can do this."
    return _told(actor, ko, en, (_MANAGER_KO, _MANAGER_EN))


def _told(actor: Actor, ko: str, en: str, ask: tuple[str, str], **extra: list[str]) -> Problem:
    next_ko, next_en = (_PERSON_KO, _PERSON_EN) if actor.program else ask
    return Problem(ProblemCode.FORBIDDEN, ko, en, next_ko=next_ko, next_en=next_en, **extra)
