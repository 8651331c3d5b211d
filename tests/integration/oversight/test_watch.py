"""The worker's look at the log: figures for charts, anomalies, and judging them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
from sqlalchemy import select

from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Person, Role
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.oversight import service_anomalies
from gateway.oversight.figures import Figures, Span, figures
from gateway.oversight.models import Anomaly, AnomalyState, LogTally, LogWatch
from gateway.oversight.reading import reading
from gateway.oversight.watch import look
from gateway.runtime import Runtime
from tests import people
from tests.integration.oversight import reviewing
from tests.integration.oversight.reviewing import SEOUL, at, download, refusal
from tests.logs import numbered
from tests.world import World, build

WHY = "연구실의 정기 내려받기로 확인했습니다."


@pytest.fixture
def world(runtime: Runtime, clock: FixedClock) -> World:
    at(clock, "2026-11-03T10:00")
    return build(runtime)


def anomalies(runtime: Runtime, rule: str = "") -> Sequence[Anomaly]:
    look(runtime)
    with runtime.db.read() as session:
        query = select(Anomaly).order_by(Anomaly.id)
        return session.scalars(query.where(Anomaly.rule == rule) if rule else query).all()


def counted(runtime: Runtime, first: str, last: str) -> Figures:
    look(runtime)
    span = Span(date.fromisoformat(first), date.fromisoformat(last), SEOUL)
    with reading(runtime) as opened:
        return figures(opened.session, runtime.vault, span)


def test_accesses_are_counted_by_day_dataset_and_hour(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    download(runtime, world, 3)
    refusal(runtime, world, "x")
    at(clock, "2026-11-04T00:30")
    download(runtime, world, 2, dataset="images")

    found = counted(runtime, "2026-11-03", "2026-11-04")

    assert [values for _, values in found.days] == [(3, 0, 1, 0), (2, 0, 0, 0)]
    assert found.datasets == [("voices", (3, 0, 1, 0)), ("images", (2, 0, 0, 0))]
    assert found.week[1][10] == 4
    assert found.week[2][0] == 2
    assert found.totals == (5, 0, 1, 0)


def test_organisations_are_named(runtime: Runtime, world: World) -> None:
    holder = reviewing.holder(runtime, world.person)
    acting = type(holder)(
        holder.kind, holder.place, holder.person_id, world.organisation, holder.personal
    )
    download(runtime, world, 2, actor=acting)

    assert counted(runtime, "2026-11-03", "2026-11-03").organisations == [("기관", (2, 0, 0, 0))]


def test_looking_again_counts_nothing_twice(runtime: Runtime, world: World) -> None:
    download(runtime, world, 3)
    look(runtime)
    download(runtime, world, 1)

    seen = look(runtime)

    assert seen == 1
    assert look(runtime) == 0
    assert counted(runtime, "2026-11-03", "2026-11-03").totals == (4, 0, 0, 0)


def test_a_worker_that_comes_too_late_gives_way(
    runtime: Runtime, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.oversight import watch

    download(runtime, world, 3)
    look(runtime)
    download(runtime, world, 2)
    found = watch._found

    def overtaken(*arguments: object) -> object:
        monkeypatch.setattr(watch, "_found", found)
        assert look(runtime) == 2
        return found(*arguments)

    monkeypatch.setattr(watch, "_found", overtaken)
    assert look(runtime) == 0
    assert counted(runtime, "2026-11-03", "2026-11-03").totals == (5, 0, 0, 0)


def test_a_volume_far_above_the_usual_is_found_and_grows_with_the_day(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    for day in range(3, 9):
        at(clock, f"2026-11-{day:02d}T10:00")
        download(runtime, world, 4)
    at(clock, "2026-11-10T10:00")
    download(runtime, world, 100)
    (first,) = anomalies(runtime, "volume")
    download(runtime, world, 20)

    (grown,) = anomalies(runtime, "volume")

    assert first.evidence["figures"] == {"today": 100, "usual": 4, "days": 6}
    assert (grown.id, grown.entries) == (first.id, 120)
    assert grown.last_index > first.last_index


def test_two_networks_enumeration_and_missing_reasons_are_found(
    runtime: Runtime, world: World
) -> None:
    for address in ("1.208.4.9", "8.8.8.8"):
        download(runtime, world, actor=reviewing.holder(runtime, world.person, address))
    for number in range(30):
        refusal(runtime, world, f"door{number}")
    download(runtime, world, ref=None)

    found = {one.rule: one for one in anomalies(runtime)}

    assert set(found) == {"two_networks", "enumeration", "refusals", "no_reason"}
    assert found["no_reason"].entries == 1
    assert found["refusals"].evidence["figures"] == {"refused": 30}


def test_a_transfer_nobody_reported_the_end_of_is_found_with_its_intent(
    runtime: Runtime, world: World
) -> None:
    intent = download(runtime, world)
    declared = runtime.journal.append(
        Entry(
            Actor.system(), Act.DOWNLOAD_UNRESOLVED,
            Outcome.FAILURE, dataset="voices", detail={"intent_index": intent},
        )
    )  # fmt: skip

    (found,) = anomalies(runtime, "unfinished")

    assert found.evidence["events"] == [intent, declared]
    assert found.entries == 1


def test_what_was_found_is_an_entry_of_the_log(runtime: Runtime, world: World) -> None:
    download(runtime, world, ref=None)
    (row,) = anomalies(runtime)

    numbered(runtime)
    with reading(runtime) as opened:
        from audit.search import Filters

        (entry,) = opened.log.search(Filters(action=Act.ANOMALY_FOUND))
    assert entry.columns.ref == f"anomaly:{row.id}"


def auditor(runtime: Runtime, account: str = "auditor.one") -> Actor:
    person = people.person(runtime, account)
    people.grant(runtime, person, Role.AUDITOR)
    return people.acting_as(person)


def test_an_auditor_decides_once_and_with_a_reason(runtime: Runtime, world: World) -> None:
    download(runtime, world, ref=None)
    (row,) = anomalies(runtime)
    me = auditor(runtime)

    with pytest.raises(Problem) as short:
        service_anomalies.decide(runtime, me, row.id, AnomalyState.DISMISSED, "짧음")
    service_anomalies.decide(runtime, me, row.id, AnomalyState.DISMISSED, WHY)
    with pytest.raises(Problem) as again:
        service_anomalies.decide(runtime, me, row.id, AnomalyState.CONFIRMED, WHY)

    assert short.value.code is ProblemCode.VALIDATION_FAILED
    assert again.value.code is ProblemCode.WRONG_STATE
    with runtime.db.read() as session:
        assert session.get_one(Anomaly, row.id).note == WHY


def test_nobody_decides_on_their_own(runtime: Runtime, world: World) -> None:
    download(runtime, world, ref=None)
    (row,) = anomalies(runtime)
    with runtime.db.read() as session:
        holder = session.get_one(Person, world.person)
    people.grant(runtime, holder, Role.AUDITOR)

    with pytest.raises(Problem) as refused:
        service_anomalies.decide(
            runtime, people.acting_as(holder), row.id, AnomalyState.DISMISSED, WHY
        )

    assert refused.value.code is ProblemCode.FORBIDDEN


def test_what_was_decided_stays_until_the_day_gets_twice_as_bad(
    runtime: Runtime, world: World
) -> None:
    download(runtime, world, 2, ref=None)
    (row,) = anomalies(runtime)
    service_anomalies.decide(runtime, auditor(runtime), row.id, AnomalyState.DISMISSED, WHY)
    download(runtime, world, 1, ref=None)
    still = anomalies(runtime)
    download(runtime, world, 1, ref=None)

    worse = anomalies(runtime)

    assert [one.entries for one in still] == [2]
    assert [(one.entries, one.state) for one in worse] == [(2, "dismissed"), (4, "open")]


def test_a_log_that_was_never_looked_at_begins_two_months_back(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    download(runtime, world, 3)
    at(clock, "2027-03-01T10:00")
    download(runtime, world, 1)

    look(runtime)

    with runtime.db.read() as session:
        hours = {row.hour_ms for row in session.scalars(select(LogTally))}
        assert session.get_one(LogWatch, 1).position == runtime.journal.log.size()
    assert len(hours) == 1


def test_a_clock_that_went_ahead_for_a_moment_hides_nothing(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    at(clock, "2026-11-05T10:00")
    download(runtime, world)
    at(clock, "2026-11-03T11:00")
    download(runtime, world, 2, ref=None)

    (found,) = anomalies(runtime, "no_reason")

    assert found.entries == 2


def test_damage_in_an_entry_does_not_stop_the_look(runtime: Runtime, world: World) -> None:
    from tests.integration.oversight.damage import drop_triggers, run

    index = download(runtime, world)
    drop_triggers(runtime.db)
    run(runtime.db, "UPDATE audit_entries SET leaf = ? WHERE idx = ?", b"damaged", index)
    download(runtime, world, ref=None)

    assert [one.rule for one in anomalies(runtime)] == ["no_reason"]
