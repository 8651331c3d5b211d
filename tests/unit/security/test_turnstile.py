"""A turnstile: a few inside, a few waiting, the rest turned away at once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from gateway.security.turnstile import Full, Turnstile


def test_whoever_finds_no_room_is_turned_away_at_once() -> None:
    turns = Turnstile(1, 0, 60.0)
    before = time.monotonic()

    with turns.passed(), pytest.raises(Full), turns.passed():
        pass

    assert time.monotonic() - before < 30


def test_whoever_waits_too_long_is_turned_away_and_leaves_room() -> None:
    turns = Turnstile(1, 1, 0.01)

    with turns.passed():
        with pytest.raises(Full), turns.passed():
            pass
        assert not turns.full
    with turns.passed():
        assert not turns.full


def test_whoever_waits_gets_the_next_turn() -> None:
    turns, entered = Turnstile(1, 1, 60.0), threading.Event()

    def second() -> None:
        with turns.passed():
            entered.set()

    with turns.passed():
        waiting = threading.Thread(target=second)
        waiting.start()
        while not turns.full:
            time.sleep(0.001)
        assert not entered.is_set()
    waiting.join(60)

    assert entered.is_set()


def test_a_turn_that_ends_badly_is_given_back() -> None:
    turns = Turnstile(1, 0, 0.01)

    with pytest.raises(RuntimeError), turns.passed():
        raise RuntimeError

    assert not turns.full
    with turns.passed():
        assert turns.full


def test_a_crowd_leaves_as_much_time_to_others_as_it_is_asked_to() -> None:
    turns, took, begun = Turnstile(1, 2, 60.0, rest=2.0), 0.02, []

    def work() -> None:
        with turns.passed():
            begun.append(time.monotonic())
            while not turns.full and len(begun) == 1:
                time.sleep(0.001)
            time.sleep(took)

    with ThreadPoolExecutor(3) as pool:
        for each in [pool.submit(work) for _ in range(3)]:
            each.result(60)

    assert min(later - earlier for earlier, later in pairwise(begun)) >= 3 * took


def test_whoever_comes_alone_waits_for_nobody() -> None:
    turns = Turnstile(1, 3, 60.0, rest=1_000_000.0)
    with turns.passed():
        time.sleep(0.001)

    before = time.monotonic()
    with turns.passed():
        entered = time.monotonic()

    assert entered - before < 30
