"""A turnstile: a few inside, a few waiting, the rest turned away at once."""

from __future__ import annotations

import threading
import time

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
