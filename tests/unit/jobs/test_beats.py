"""What the worker does at intervals."""

from __future__ import annotations

import threading

from gateway.jobs.beats import Beat, beating


def test_a_beat_comes_again_and_again() -> None:
    thrice = threading.Semaphore(0)

    with beating([Beat("steady", 0.01, thrice.release)]):
        came = [thrice.acquire(timeout=5) for _ in range(3)]

    assert came == [True] * 3


def test_a_beat_that_fails_comes_again() -> None:
    twice = threading.Semaphore(0)

    def fail() -> None:
        twice.release()
        raise OSError("no route")

    with beating([Beat("failing", 0.01, fail)]):
        came = [twice.acquire(timeout=5) for _ in range(2)]

    assert came == [True] * 2


def test_leaving_ends_the_beats() -> None:
    with beating([Beat("short", 0.01, lambda: None)]):
        pass

    assert "short" not in [thread.name for thread in threading.enumerate()]
