"""Streams: the right bytes, stopped when the answer changes, reported once."""

from __future__ import annotations

import pytest

from gateway.delivery import stream
from gateway.delivery.stream import Ending, Sent, Stream, StreamStopped
from gateway.storage import StoreUnavailable

DATA = bytes(range(256)) * 20_000


class Memory:
    """An object in memory that can break at an offset."""

    def __init__(self, breaks_at: int | None = None) -> None:
        self.breaks_at, self.closed = breaks_at, 0

    def read(self, offset: int, length: int) -> bytes:
        if self.breaks_at is not None and offset + length > self.breaks_at:
            raise StoreUnavailable("gone")
        return DATA[offset : offset + length]

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def reports() -> list[Sent]:
    return []


@pytest.fixture
def every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "RECHECK_SECONDS", 0.0)


def test_a_stream_yields_exactly_the_range_and_reports_once(reports: list[Sent]) -> None:
    body = Stream(Memory(), 1000, 3_000_000, lambda: True, reports.append)
    assert b"".join(body) == DATA[1000:3_001_000]
    body.close()
    body.close()
    assert reports == [Sent(3_000_000, Ending.COMPLETE)]


def test_blocks_never_exceed_a_mebibyte(reports: list[Sent]) -> None:
    sizes = [len(block) for block in Stream(Memory(), 0, len(DATA), lambda: True, reports.append)]
    assert max(sizes) == stream.MAX_BLOCK


def test_a_slow_reader_gets_small_blocks() -> None:
    size = stream.MAX_BLOCK
    for _ in range(10):
        size = stream._next_size(size, seconds=1.0)
    assert size == stream.MIN_BLOCK


def test_a_reader_that_leaves_is_reported_as_broken(reports: list[Sent]) -> None:
    body = Stream(Memory(), 0, len(DATA), lambda: True, reports.append)
    first = next(iter(body))
    body.close()
    assert reports == [Sent(len(first), Ending.BROKEN)]


@pytest.mark.usefixtures("every_block")
def test_a_no_stops_the_stream_before_the_next_block(reports: list[Sent]) -> None:
    answers = iter([True, False])
    memory = Memory()
    body = Stream(memory, 0, len(DATA), lambda: next(answers), reports.append)
    blocks = iter(body)
    sent = len(next(blocks))
    with pytest.raises(StreamStopped):
        next(blocks)
    body.close()
    assert (reports, memory.closed) == ([Sent(sent, Ending.REVOKED)], 1)


@pytest.mark.usefixtures("every_block")
def test_a_question_that_cannot_be_answered_stops_the_stream(reports: list[Sent]) -> None:
    def broken() -> bool:
        raise OSError("database gone")

    body = Stream(Memory(), 0, len(DATA), broken, reports.append)
    with pytest.raises(StreamStopped):
        list(body)
    body.close()
    assert reports == [Sent(0, Ending.REVOKED)]


def test_an_object_that_ends_early_cuts_the_connection(reports: list[Sent]) -> None:
    body = Stream(Memory(breaks_at=100_000), 0, len(DATA), lambda: True, reports.append)
    with pytest.raises(StreamStopped):
        list(body)
    body.close()
    assert reports[0].ending is Ending.STORAGE
    assert reports[0].bytes < 100_000
