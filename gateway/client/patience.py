"""Waits for a gateway that is busy or restarts, instead of giving up a long download."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import httpx2

from gateway.client.errors import Refused, Unreachable

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
LONGEST_PAUSE = 60.0
WAIT = frozenset({429, 503})

T = TypeVar("T")


def patiently(ask: Callable[[], T]) -> T:
    """What `ask` answers, asked again while nobody answers or the gateway is busy.

    Raises what `ask` raised last: Unreachable or Refused after about half a minute.
    """
    for pause in PAUSES:
        try:
            return ask()
        except Unreachable:
            time.sleep(pause)
        except Refused as refused:
            if refused.status not in WAIT:
                raise
            time.sleep(pause if refused.pause is None else refused.pause)
    return ask()


def retry_after(response: httpx2.Response) -> float | None:
    """The seconds a busy server asks for, at most a minute; None when it does not say."""
    text = response.headers.get("Retry-After", "")
    if not (text.isdecimal() and text.isascii()):
        return None
    return min(LONGEST_PAUSE, float(text))
