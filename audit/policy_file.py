"""C2SP tlog-policy: which logs and witnesses are known, and which of them make a quorum."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from audit.cosignature import WitnessKey
from audit.errors import NoteMalformed, PolicyMalformed, SignatureInvalid
from audit.note import Note, Verifier

NONE = "none"
MAX_BYTES = 64 * 1024
_MAX_NAMED = 64
_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_WORD = re.compile(r"[^ \t]+")
_COUNT = re.compile(r"[1-9][0-9]?")


@dataclass(frozen=True, slots=True)
class LogLine:
    """A log by its verifier key; its name is the origin."""

    key: Verifier
    url: str | None = None


@dataclass(frozen=True, slots=True)
class WitnessLine:
    """A witness. `name` counts within the policy only; `url` is its submission prefix."""

    name: str
    key: WitnessKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Met when at least `threshold` of its members are."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed policy. `quorum` names a witness, a group, or is `none`."""

    logs: tuple[LogLine, ...] = ()
    witnesses: tuple[WitnessLine, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: str = NONE

    def met(self, cosigned: Collection[str]) -> bool:
        """Tell whether these witnesses, by their names in the policy, make the quorum."""
        if self.quorum == NONE:
            return True
        met = {one.name for one in self.witnesses if one.name in cosigned}
        for group in self.groups:
            if sum(member in met for member in group.members) >= group.threshold:
                met.add(group.name)
        return self.quorum in met

    @property
    def fewest(self) -> int:
        """The smallest number of witnesses that can make the quorum."""
        needed = {NONE: 0} | {one.name: 1 for one in self.witnesses}
        for group in self.groups:
            cheapest = sorted(needed[member] for member in group.members)
            needed[group.name] = sum(cheapest[: group.threshold])
        return needed[self.quorum]

    def cosigners(self, note: Note) -> dict[str, int]:
        """Return the time in seconds of each valid cosignature, by the witness's name."""
        found = {}
        for witness in self.witnesses:
            try:
                found[witness.name] = witness.key.time_of(note)
            except SignatureInvalid:
                continue
        return found

    def __str__(self) -> str:
        """Return the policy as a file."""
        lines = [
            *(" ".join(filter(None, ("log", str(log.key), log.url))) for log in self.logs),
            *(
                " ".join(filter(None, ("witness", one.name, str(one.key), one.url)))
                for one in self.witnesses
            ),
            *(" ".join(("group", g.name, str(g.threshold), *g.members)) for g in self.groups),
            f"quorum {self.quorum}",
        ]
        return "".join(f"{line}\n" for line in lines)


@dataclass(slots=True)
class _Reading:
    policy: Policy = field(default_factory=Policy)
    names: set[str] = field(default_factory=lambda: {NONE})
    members: set[str] = field(default_factory=set)
    closed: bool = False


def parse_policy(data: bytes) -> Policy:
    """Parse a policy file. Raises PolicyMalformed, naming the line."""
    if len(data) > MAX_BYTES:
        raise PolicyMalformed(f"a policy has at most {MAX_BYTES} bytes")
    if _CONTROL.search(data) or not data.endswith(b"\n"):
        raise PolicyMalformed("a policy has lines that end in a newline, and no control characters")
    reading = _Reading()
    # Names are opaque octets; this decoding keeps every one of them apart.
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), start=1):
        words = _WORD.findall(line)
        if words and not words[0].startswith("#"):
            _read_line(reading, number, words)
    if not reading.closed:
        raise PolicyMalformed("the quorum line is missing")
    return reading.policy


def _read_line(reading: _Reading, number: int, words: list[str]) -> None:
    readers = {"log": _log, "witness": _witness, "group": _group, "quorum": _quorum}
    kind, rest = words[0], words[1:]
    if kind not in readers:
        raise PolicyMalformed(f"line {number}: begins with none of log, witness, group, quorum")
    try:
        readers[kind](reading, rest)
    except (NoteMalformed, PolicyMalformed) as error:
        raise PolicyMalformed(f"line {number}: {error}") from error


def _log(reading: _Reading, words: list[str]) -> None:
    _require(len(words) in (1, 2), "a log has a verifier key and perhaps an address")
    log = LogLine(Verifier.parse(words[0]), *words[1:])
    policy = reading.policy
    _new_key(log.key.public, policy)
    _require(len(policy.logs) < _MAX_NAMED, "too many logs")
    reading.policy = replace(policy, logs=(*policy.logs, log))


def _witness(reading: _Reading, words: list[str]) -> None:
    _require(len(words) in (2, 3), "a witness has a name, a verifier key and perhaps an address")
    witness = WitnessLine(words[0], WitnessKey.parse(words[1]), *words[2:])
    policy = reading.policy
    _new_key(witness.key.public, policy)
    _require(len(policy.witnesses) < _MAX_NAMED, "too many witnesses")
    _name(reading, witness.name)
    reading.policy = replace(policy, witnesses=(*policy.witnesses, witness))


def _group(reading: _Reading, words: list[str]) -> None:
    _require(len(words) >= 3, "a group has a name, a number and at least one member")
    name, number, *members = words
    count = {"any": 1, "all": len(members)}.get(number)
    if count is None:
        _require(_COUNT.fullmatch(number) is not None, f"{number} is not any, all or a number")
        count = int(number)
    _require(count <= len(members), f"{count} of {len(members)} members can never be met")
    for member in members:
        _known(reading, member)
        _require(member not in reading.members, f"{member} is in a group already")
        reading.members.add(member)
    _require(len(reading.policy.groups) < _MAX_NAMED, "too many groups")
    _name(reading, name)
    group = Group(name, count, tuple(members))
    reading.policy = replace(reading.policy, groups=(*reading.policy.groups, group))


def _quorum(reading: _Reading, words: list[str]) -> None:
    _require(not reading.closed, "there is a second quorum line")
    _require(len(words) == 1, "a quorum is one name")
    if words[0] != NONE:
        _known(reading, words[0])
    reading.policy = replace(reading.policy, quorum=words[0])
    reading.closed = True


def _known(reading: _Reading, name: str) -> None:
    _require(name in reading.names - {NONE}, f"{name} is not defined above")


def _name(reading: _Reading, name: str) -> None:
    _require(name not in reading.names, f"the name {name} is taken")
    reading.names.add(name)


def _new_key(public: bytes, policy: Policy) -> None:
    """Refuse a key that is listed: a log that is its own witness would always have its quorum."""
    _require(public not in set(_keys(policy)), "this public key is listed already")


def _keys(policy: Policy) -> Iterable[bytes]:
    yield from (log.key.public for log in policy.logs)
    yield from (one.key.public for one in policy.witnesses)


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise PolicyMalformed(what)
