"""What must hold of every release: the sentences behind `sumun policy prove`.

Each names what an allowed action never is. The numbers I1 to I5 are those of the operator's
requirements; the others follow from the law and from the agreements.
"""

from __future__ import annotations

from typing import Any, Final

import z3

from policies.formula import Formulas
from policies.prove import Invariant
from policies.space import Path
from policies.vocabulary import Action

TAKE: Final = frozenset({Action.DOWNLOAD, Action.PACKAGE})
USE: Final = TAKE | {
    Action.SUBMIT_RESULT,
    Action.FETCH_EXPORT,
    Action.READ_IN_ZONE,
    Action.IMPORT_TO_ZONE,
}
PARTICIPATE: Final = USE | {Action.APPLY}
DECIDE: Final = frozenset({Action.DECIDE_APPLICATION, Action.DECIDE_EXPORT})
EVERY: Final = frozenset(Action)

PERSON: Final[Path] = ("principal",)
STANDING: Final[Path] = ("principal", "standing")
DATASET: Final[Path] = ("resource",)
NOW: Final[Path] = ("context", "now_ms")


def _is(f: Formulas, path: Path, state: str) -> Any:
    return f.attribute(path) == f.code(state)


def _true(f: Formulas, *path: str) -> Any:
    return f.attribute(path)


def _in_grace(f: Formulas) -> Any:
    ends = (*STANDING, "grace_ends_ms")
    return z3.And(f.present(ends), f.attribute(NOW) < f.attribute(ends))


def _signed(f: Formulas, name: str) -> Any:
    path = (*STANDING, name)
    return z3.Or(_is(f, path, "live"), z3.And(_is(f, path, "superseded"), _in_grace(f)))


def _unaccepted(f: Formulas) -> Any:
    machine = _is(f, (*PERSON, "kind"), "machine")
    answerable = z3.And(
        _true(f, *PERSON, "responsible_named"), _signed(f, "organisation_acceptance")
    )
    return z3.Not(z3.And(_signed(f, "acceptance"), z3.Implies(machine, answerable)))


def _zone_bound(f: Formulas) -> Any:
    return _is(f, (*DATASET, "delivery"), "safe_zone")


def _without_live_grant(f: Formulas) -> Any:
    starts, ends = (*STANDING, "grant_starts_ms"), (*STANDING, "grant_ends_ms")
    now = f.attribute(NOW)
    inside = z3.And(
        f.present(starts),
        f.present(ends),
        f.attribute(starts) <= now,
        now < f.attribute(ends),
    )
    return z3.Not(z3.And(_is(f, (*STANDING, "grant"), "live"), inside))


def _suspended(f: Formulas) -> Any:
    return z3.Or(
        _true(f, *PERSON, "suspended"),
        z3.Not(_true(f, *PERSON, "authenticated")),
        z3.Not(_true(f, *PERSON, "active")),
    )


def _unreviewed_export(f: Formulas) -> Any:
    export = (*DATASET, "export")
    released = z3.And(
        f.present(export),
        _is(f, (*export, "state"), "released"),
        _true(f, *export, "content_matches_decision"),
        _true(f, *export, "is_holder"),
    )
    return z3.Not(released)


def _unchecked_version(f: Formulas) -> Any:
    return z3.Not(
        z3.And(
            _is(f, (*DATASET, "version_state"), "released"), _is(f, (*DATASET, "scan"), "current")
        )
    )


def _withdrawn(f: Formulas) -> Any:
    withdrawn = _is(f, (*DATASET, "version_state"), "withdrawn")
    return z3.Or(_true(f, *DATASET, "dataset_withdrawn"), withdrawn)


def _beyond_quota(f: Formulas) -> Any:
    quota = (*STANDING, "quota_bytes")
    used, request = (
        f.attribute(("context", "used_bytes")),
        f.attribute(("context", "request_bytes")),
    )
    fits = z3.And(used >= 0, request >= 0, used + request <= f.attribute(quota))
    return z3.Not(z3.And(f.present(quota), fits))


def _without_irb(f: Formulas) -> Any:
    return z3.And(_true(f, *DATASET, "irb_required"), z3.Not(_is(f, (*STANDING, "irb"), "valid")))


def _judges_own(f: Formulas) -> Any:
    review = (*PERSON, "review")
    related = ("decider_is_applicant", "decider_on_team", "decider_is_supervisor", "already_voted")
    return z3.Or(
        z3.Not(f.present(review)),
        z3.Not(_true(f, *review, "decider_has_role")),
        *(_true(f, *review, name) for name in related),
    )


def _misused(f: Formulas) -> Any:
    uses = (*STANDING, "uses")
    return z3.Or(f.member(uses, "reidentification"), f.member(uses, "biometric_identification"))


def _outside_own_task(f: Formulas) -> Any:
    task = (*PERSON, "task")
    own = z3.And(
        f.present(task),
        _true(f, *task, "assigned_to_worker"),
        f.attribute(NOW) < f.attribute((*task, "lease_ends_ms")),
    )
    return z3.Not(own)


def _outside_zone(f: Formulas) -> Any:
    zone = (*PERSON, "zone")
    return z3.Not(z3.And(f.present(zone), _is(f, (*zone, "session"), "open")))


INVARIANTS: Final = (
    Invariant(
        "I1",
        "본인의 유효한 동의·서명 없이는 아무것도 읽거나 반출하지 못합니다. "
        "기계 계정은 기관의 서명과 책임자도 있어야 합니다.",
        "Nothing is read or exported without a live acceptance by the person; for a machine client "
        "also by its organisation, under a named responsible person.",
        USE,
        _unaccepted,
    ),
    Invariant(
        "I2",
        "안심존 데이터는 내려받거나 묶음으로 만들 수 없습니다.",
        "Safe-zone data is never downloaded or packaged.",
        TAKE,
        _zone_bound,
    ),
    Invariant(
        "I3",
        "취소되었거나 만료되었거나 시작되지 않은 이용 권한으로는 아무것도 할 수 없습니다.",
        "A grant that is revoked, expired, suspended or not yet begun allows nothing.",
        USE,
        _without_live_grant,
    ),
    Invariant(
        "I4",
        "이용 정지 중이거나 로그인하지 않은 사람은 아무것도 할 수 없습니다.",
        "Nobody suspended, inactive or not signed in gets anything.",
        EVERY,
        _suspended,
    ),
    Invariant(
        "I5",
        "심사를 마치고 내용이 그대로인 반출만 보유자에게 나갑니다.",
        "An export leaves only to its holder, released by a review, with the content reviewed.",
        frozenset({Action.FETCH_EXPORT}),
        _unreviewed_export,
    ),
    Invariant(
        "I6",
        "개방되고 현재 규칙으로 검사한 버전만 나갑니다.",
        "Only a version that is released and scanned with the rules in force leaves.",
        TAKE,
        _unchecked_version,
    ),
    Invariant(
        "I7",
        "제공 중단된 데이터셋이나 버전은 아무도 이용하거나 작업하지 못합니다.",
        "Nobody uses or works on a dataset or version that has been withdrawn.",
        PARTICIPATE | {Action.WORK_TASK},
        _withdrawn,
    ),
    Invariant(
        "I8",
        "이용 한도를 넘는 내려받기는 없습니다. 합산에 넘침이 있어도 같습니다.",
        "No download goes beyond the quota, however large the numbers.",
        TAKE,
        _beyond_quota,
    ),
    Invariant(
        "I9",
        "IRB 증빙이 필요한 데이터셋은 유효한 증빙 없이 이용할 수 없습니다.",
        "Where IRB evidence is required, nothing is used without valid evidence.",
        USE,
        _without_irb,
    ),
    Invariant(
        "I10",
        "결정할 역할이 있고 신청과 관계없는 사람만 결정합니다.",
        "Only someone with the role, unconnected with the request, decides, and only once.",
        DECIDE,
        _judges_own,
    ),
    Invariant(
        "I11",
        "재식별이나 생체 식별을 하겠다는 이용은 허용되지 않습니다.",
        "No stated re-identification or biometric identification is ever allowed.",
        PARTICIPATE,
        _misused,
    ),
    Invariant(
        "I12",
        "배정된 기한 안의 본인 작업만 할 수 있습니다.",
        "Work is done on one's own task only, within its lease.",
        frozenset({Action.WORK_TASK}),
        _outside_own_task,
    ),
    Invariant(
        "I13",
        "열려 있는 안심존 이용 없이는 안심존에서 읽지 못합니다.",
        "Nothing is read in a safe zone without an open session there.",
        frozenset({Action.READ_IN_ZONE}),
        _outside_zone,
    ),
)
