from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from gateway.db import UtcDateTime
from gateway.errors import Problem, ProblemCode
from gateway.web.paging import Cursors, keyset, scope_of

START = datetime(2026, 1, 1, tzinfo=UTC)
CURSORS = Cursors(b"k" * 32)


class Floor(DeclarativeBase):
    type_annotation_map = {datetime: UtcDateTime}


class Row(Floor):
    __tablename__ = "row"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    number: Mapped[int]


@pytest.fixture
def session() -> Any:
    engine = create_engine("sqlite://")
    Floor.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(
            # Two rows share each moment, so that the unique column has to decide.
            Row(id=uuid.UUID(int=n), at=START + timedelta(hours=n // 2), number=n)
            for n in range(25)
        )
        session.flush()
        yield session
    engine.dispose()


def _page(session: Session, query: dict[str, str], *, descending: bool = True) -> Any:
    window = CURSORS.window(query, "rows")
    statement = keyset(select(Row), (Row.at, Row.id), window, descending=descending)
    rows = session.scalars(statement).all()
    return CURSORS.page(rows, window, lambda row: (row.at, row.id))


def _numbers(page: Any) -> list[int]:
    return [row.number for row in page.items]


@pytest.mark.parametrize("descending", [True, False])
def test_pages_forward_and_back_show_every_row_once(session: Session, descending: bool) -> None:
    pages = [_page(session, {"limit": "10"}, descending=descending)]
    while pages[-1].next:
        query = {"limit": "10", "cursor": pages[-1].next}
        pages.append(_page(session, query, descending=descending))
    back = _page(session, {"limit": "10", "cursor": pages[-1].previous}, descending=descending)

    expected = list(range(24, -1, -1)) if descending else list(range(25))
    assert [n for page in pages for n in _numbers(page)] == expected
    assert _numbers(back) == _numbers(pages[1])
    assert pages[0].previous is None


def test_going_back_to_the_start_ends_there(session: Session) -> None:
    first = _page(session, {"limit": "10"})
    second = _page(session, {"limit": "10", "cursor": first.next})
    again = _page(session, {"limit": "10", "cursor": second.previous})

    assert _numbers(again) == _numbers(first)
    assert again.previous is None
    assert again.next is not None


@pytest.mark.parametrize("change", ["", "x", "AAAA", "%%", "é", "A" * 5000])
def test_a_cursor_that_is_not_ours_is_400(session: Session, change: str) -> None:
    cursor = (_page(session, {"limit": "1"}).next or "")[:-6] + change
    with pytest.raises(Problem) as refused:
        CURSORS.window({"cursor": cursor}, "rows")

    assert refused.value.code is ProblemCode.BAD_REQUEST


def test_a_cursor_of_another_list_or_filter_is_refused(session: Session) -> None:
    cursor = _page(session, {"limit": "1"}).next or ""
    with pytest.raises(Problem):
        CURSORS.window({"cursor": cursor}, "others")

    assert scope_of("rows", {"q": "a"}) != scope_of("rows", {"q": "b"})
    assert scope_of("rows", {"q": "a", "lang": "ko"}) == scope_of("rows", {"q": "a"})


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.5", "abc", "１", "9999999999"])
def test_a_limit_outside_1_to_200_is_400(limit: str) -> None:
    with pytest.raises(Problem):
        CURSORS.window({"limit": limit}, "rows")
