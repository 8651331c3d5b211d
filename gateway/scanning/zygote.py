"""The warm process: imports the engines once, then forks one confined child for every file.

It has one thread, no network and no privileges, answers only its parent, and ends with it.
Started as `python -m gateway.scanning.zygote FD`; FD is one end of a datagram socket pair.
"""

from __future__ import annotations

import gc
import io
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import BinaryIO

from gateway.scanning import sandbox
from gateway.scanning.engines import dicom, warm
from gateway.scanning.engines.inspect import inspect
from gateway.scanning.extract.segment import Unscannable
from gateway.scanning.protocol import MAX_REQUEST, Request, Task, report_to_wire, send_frame

_TICK = 0.1
_CHILD_FAILED = 70


def main(descriptor: int) -> None:
    """Serve requests until the parent closes its end."""
    control = socket.socket(fileno=descriptor)
    warm.up()
    held = (*sandbox.confine_zygote(), sandbox.probe_files())
    control.send(b"\n".join(f"{p.name}\t{int(p.available)}\t{p.detail}".encode() for p in held))
    gc.collect()
    gc.freeze()
    files = held[-1].available
    children: dict[int, float] = {}
    while True:
        ready, _, _ = select.select([control], [], [], _TICK if children else None)
        if ready and not _serve(control, children, files):
            break
        _reap(children)
    _kill(children)


def _serve(control: socket.socket, children: dict[int, float], files: bool) -> bool:
    data, descriptors, _, _ = socket.recv_fds(control, MAX_REQUEST, 3)
    if not data:
        return False
    request = Request.decode(data)
    pid = os.fork()
    if pid == 0:
        _child(request, descriptors, files)
    for descriptor in descriptors:
        os.close(descriptor)
    children[pid] = time.monotonic() + request.seconds
    return True


def _reap(children: dict[int, float]) -> None:
    now = time.monotonic()
    for pid, deadline in list(children.items()):
        if deadline <= now:
            os.kill(pid, signal.SIGKILL)
        if os.waitpid(pid, os.WNOHANG)[0]:
            del children[pid]


def _kill(children: dict[int, float]) -> None:
    for pid in children:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _child(request: Request, descriptors: list[int], files: bool) -> None:
    """Do one task and end. Whatever fails here is silence, which the parent reads as a death."""
    try:
        _arrange(descriptors)
        sandbox.confine_child(request.seconds, files)
        answer = _work(request)
        with socket.socket(fileno=1) as out:
            send_frame(out, answer)
        os._exit(0)
    finally:
        os._exit(_CHILD_FAILED)


def _arrange(descriptors: list[int]) -> None:
    """Make 0 the file, 1 the answer, 2 nothing, 3 the output; close everything else."""
    null = os.open(os.devnull, os.O_RDWR)
    wanted = [
        descriptors[0],
        descriptors[1],
        null,
        descriptors[2] if len(descriptors) > 2 else null,
    ]
    high = [os.dup2(fd, 100 + place) for place, fd in enumerate(wanted)]
    for place, fd in enumerate(high):
        os.dup2(fd, place)
    os.closerange(sandbox.CHILD_DESCRIPTORS, 1024)


def _work(request: Request) -> object:
    file = io.BufferedReader(io.FileIO(0, closefd=False))
    if request.task is Task.REDACT_DICOM:
        return _redact(file, bytes.fromhex(request.key))
    return report_to_wire(inspect(file, request.size, request.path, frozenset(request.languages)))


def _redact(file: BinaryIO, key: bytes) -> object:
    try:
        with io.BufferedRandom(io.FileIO(3, "r+", closefd=False)) as target:
            dicom.redact(file, target, key)
    except Unscannable as problem:
        return str(problem.reason)
    return None


if __name__ == "__main__":
    main(int(sys.argv[1]))
