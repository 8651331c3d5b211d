"""What confines the parsers: namespaces, Landlock, no privileges, limits. Linux, through ctypes.

The zygote gives up the network and its privileges once, after it has imported the engines; each
child then gives up the file system, signals and new descriptors, and gets its limits.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

CHILD_DESCRIPTORS = 4
_NOBODY = 65534
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_DUMPABLE = 4
_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_RESTRICT_SELF = 446
_LANDLOCK_VERSION_FLAG = 1
# File-system rights known to each Landlock ABI (linux/landlock.h); all are handled, none granted.
_FS_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_CAPABILITY_VERSION_3 = 0x20080522
_MEMORY = 1 << 30
_PROBE_SECONDS = 30


class Guard(StrEnum):
    """The protections a parser should run under."""

    NETWORK = "network"
    FILES = "files"
    PRIVILEGES = "privileges"
    LIMITS = "limits"


@dataclass(frozen=True, slots=True)
class Protection:
    """Whether one protection holds on this host, and how, or why not."""

    name: str
    available: bool
    detail: str


class _Ruleset(ctypes.Structure):
    _fields_ = [
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    ]


class _CapHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


def protections() -> tuple[Protection, ...]:
    """Try every protection in a throw-away process and say what holds on this host."""
    command = [sys.executable, "-m", "gateway.scanning.sandbox"]
    try:
        run = subprocess.run(
            command, capture_output=True, timeout=_PROBE_SECONDS, check=True, env=environment()
        )
        return tuple(Protection(**entry) for entry in json.loads(run.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
        detail = f"the probe did not run: {type(error).__name__}"
        return tuple(Protection(str(guard), False, detail) for guard in Guard)


def environment() -> dict[str, str]:
    """Return the whole environment of a scanning process: nothing of the caller's."""
    return {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        # Without a home, libraries would ask the host's name service for one, over a socket.
        "HOME": "/nonexistent",
        # One thread only: a forked copy of a multi-threaded process may hang on a lock.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def confine_zygote() -> tuple[Protection, ...]:
    """Give up network and privileges for this process and all it forks. Never raises."""
    _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return (_attempt(Guard.NETWORK, _leave_network), _attempt(Guard.PRIVILEGES, _drop_privileges))


def confine_child(seconds: int, files: bool) -> None:
    """Confine this process to its open descriptors. Raises OSError where that fails.

    `files` says that the zygote has found Landlock here; `seconds` limits processor time.
    """
    mapped = _mapped_bytes()
    if files:
        _leave_files()
    _limit(seconds, mapped)


def probe_files() -> Protection:
    """Say whether Landlock is there, without restricting this process."""
    return _attempt(Guard.FILES, lambda: f"Landlock ABI {_landlock_abi()}")


def _mapped_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _limit(seconds: int, mapped: int) -> str:
    """Limit address space beyond what is mapped, processor time, descriptors, processes."""
    limits = {
        resource.RLIMIT_AS: mapped + _MEMORY,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_NOFILE: CHILD_DESCRIPTORS,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: _MEMORY,
    }
    for kind, value in limits.items():
        resource.setrlimit(kind, (value, value))
    return f"{_MEMORY >> 20} MiB, processor time, no new process"


def _attempt(guard: Guard, step: Callable[[], str]) -> Protection:
    try:
        return Protection(str(guard), True, step())
    except (OSError, AttributeError) as error:
        return Protection(str(guard), False, f"not on this host: {error}")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _leave_network() -> str:
    if _libc().unshare(_CLONE_NEWNET) == 0:
        return "own network namespace"
    _checked(_libc().unshare(_CLONE_NEWUSER | _CLONE_NEWNET))
    return "own user and network namespace"


def _drop_privileges() -> str:
    """Become nobody where the caller is root, and drop every capability."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    header = _CapHeader(_CAPABILITY_VERSION_3, 0)
    _checked(_libc().capset(ctypes.byref(header), (ctypes.c_uint32 * 6)()))
    _libc().prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    return "no capabilities, no new privileges"


def _landlock_abi() -> int:
    none, zero = ctypes.c_void_p(None), ctypes.c_size_t(0)
    call = ctypes.c_long(_LANDLOCK_CREATE_RULESET)
    return _checked(_libc().syscall(call, none, zero, ctypes.c_uint32(_LANDLOCK_VERSION_FLAG)))


def _leave_files() -> str:
    """Enter a Landlock domain that grants nothing: no path, no TCP, no signal to the outside."""
    abi = _landlock_abi()
    rights = (1 << _FS_RIGHTS.get(abi, max(_FS_RIGHTS.values()))) - 1
    rules = _Ruleset(rights, 0b11 if abi >= 4 else 0, 0b11 if abi >= 6 else 0)
    size = ctypes.sizeof(_Ruleset) if abi >= 6 else 16 if abi >= 4 else 8
    create, restrict = (
        ctypes.c_long(_LANDLOCK_CREATE_RULESET),
        ctypes.c_long(_LANDLOCK_RESTRICT_SELF),
    )
    ruleset = _checked(
        _libc().syscall(create, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0))
    )
    try:
        _checked(_libc().syscall(restrict, ctypes.c_int(ruleset), ctypes.c_uint32(0)))
    finally:
        os.close(ruleset)
    return f"Landlock ABI {abi}"


def _probe() -> list[dict[str, str | bool]]:
    """Apply everything to this process; only for a process that ends right after."""
    mapped = _mapped_bytes()
    found = [*confine_zygote(), _attempt(Guard.FILES, _leave_files)]
    found.append(_attempt(Guard.LIMITS, lambda: _limit(_PROBE_SECONDS, mapped)))
    return [{"name": p.name, "available": p.available, "detail": p.detail} for p in found]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_probe()))
