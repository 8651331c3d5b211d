"""A crowd that does not wait for answers: requests leave on time, however slow the gateway is.

`python -m bench.openloop` reads a plan as JSON from its standard input and writes what came of it.
A process of its own, so that measuring does not take the time of whoever starts it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any

# Longer than any answer may take; a request that waits as long counts as this slow.
PATIENCE = 30.0
NO_ANSWER = "none"


async def _one(plan: dict[str, Any], request: bytes, at: float) -> tuple[str, float]:
    """Send one request when it is due; its status, and the seconds since then."""
    await asyncio.sleep(max(0.0, at - time.perf_counter()))
    try:
        status = await asyncio.wait_for(_exchange(plan, request), PATIENCE)
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        status = NO_ANSWER
    return status, time.perf_counter() - at


async def _exchange(plan: dict[str, Any], request: bytes) -> str:
    reader, writer = await asyncio.open_connection(plan["host"], plan["port"])
    try:
        writer.write(request)
        answer = await reader.read()
    finally:
        writer.close()
    return answer[9:12].decode() or NO_ANSWER


async def _all(plan: dict[str, Any]) -> list[tuple[str, float]]:
    requests = [each.encode("latin-1") for each in plan["requests"]]
    start, number = time.perf_counter() + 0.2, int(plan["rate"] * plan["seconds"])
    due = [start + n / plan["rate"] for n in range(number)]
    sent = [_one(plan, requests[n % len(requests)], at) for n, at in enumerate(due)]
    return list(await asyncio.gather(*sent))


def main() -> None:
    plan = json.load(sys.stdin)
    results = asyncio.run(_all(plan))
    statuses = Counter(status for status, _seconds in results)
    json.dump({"statuses": statuses, "seconds": [took for _status, took in results]}, sys.stdout)


if __name__ == "__main__":
    main()
