"""The rule files as statements with their place, and the rules they state.

A statement keeps file and line, so that whatever is wrong with it can be shown where it stands.
"""

from __future__ import annotations

import errno
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

import cedarpy

from policies.decision import Actor, Blocker, Outcome

SCHEMA_FILE: Final = "schema.cedarschema"
RULE_SUFFIX: Final = ".cedar"
FORBID: Final = "forbid"
UNFINISHED: Final = "unexpected end of input"
"""What Cedar's parser says of a text that could go on."""

# One token that matters when looking for the end of a statement: comment, string or semicolon.
_TOKEN = re.compile(r'//[^\n]*|"(?:\\.|[^"\\])*"|;')
_LEADING = re.compile(r"(?:\s|//[^\n]*)*")


@dataclass(frozen=True, slots=True)
class Statement:
    """One policy as written. ``syntax`` is its Cedar JSON form, ``None`` when it does not parse;
    ``fault`` then says why, and ``line``, which counts from 1, is where it stumbles."""

    file: str
    line: int
    text: str
    syntax: Mapping[str, Any] | None
    fault: str

    @property
    def annotations(self) -> Mapping[str, str]:
        """The annotations by name; empty for a statement that does not parse."""
        annotations: Mapping[str, str] = (self.syntax or {}).get("annotations", {})
        return annotations

    @property
    def id(self) -> str:
        """The ``@id``, or an empty string."""
        return self.annotations.get("id") or ""

    @property
    def forbids(self) -> bool:
        """Whether this is a ``forbid``."""
        return (self.syntax or {}).get("effect") == FORBID


@dataclass(frozen=True, slots=True)
class RuleSource:
    """Every statement of a folder of rule files, in order, with the schema."""

    statements: tuple[Statement, ...]
    schema: str

    def without(self, rule_id: str) -> RuleSource:
        """The same rules with one left out, to see what it was good for."""
        kept = tuple(s for s in self.statements if s.id != rule_id)
        return RuleSource(kept, self.schema)


def default_root() -> Traversable:
    """The folder of rule files that this package carries."""
    return files("policies") / "cedar"


def read(root: Traversable | None = None) -> RuleSource:
    """Read every ``*.cedar`` file of ``root`` in the order of the names, and the schema.

    Raises OSError, with its ``filename``, for a file that cannot be read or is not UTF-8.
    """
    return from_files(texts(root))


def texts(root: Traversable | None = None) -> dict[str, str]:
    """The rule files and the schema of ``root`` by name. Raises as ``read``."""
    folder = root or default_root()
    rule_files = (e.name for e in folder.iterdir() if e.name.endswith(RULE_SUFFIX))
    names = [*rule_files, SCHEMA_FILE]
    return {name: _text(folder / name) for name in sorted(names)}


def _text(file: Traversable) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as fault:
        raise OSError(errno.EILSEQ, f"not UTF-8 at byte {fault.start}", file.name) from fault


def from_files(files: Mapping[str, str]) -> RuleSource:
    """Rules from texts by file name, in the order of the names.

    Raises KeyError without a schema.
    """
    names = sorted(name for name in files if name.endswith(RULE_SUFFIX))
    statements = tuple(s for name in names for s in parse(name, files[name]))
    return RuleSource(statements, files[SCHEMA_FILE])


def parse(file: str, text: str) -> Iterator[Statement]:
    """Split one file into its statements; each is parsed alone, so a fault names its own line."""
    for start, chunk in _chunks(text):
        yield _statement(file, text.count("\n", 0, start) + 1, chunk)


def _chunks(text: str) -> Iterator[tuple[int, str]]:
    begin = 0
    ends = [token.end() for token in _TOKEN.finditer(text) if token.group() == ";"]
    for end in [*ends, len(text)]:
        begin = _skip_blank(text, begin)
        if begin < end:
            yield begin, text[begin:end]
        begin = end


def _skip_blank(text: str, begin: int) -> int:
    blank = _LEADING.match(text, begin)
    return blank.end() if blank else begin


def _statement(file: str, line: int, text: str) -> Statement:
    try:
        document = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError as fault:
        return Statement(file, line + _faulty_line(text), text, None, str(fault))
    policies = list(document["staticPolicies"].values())
    if len(policies) != 1:
        return Statement(file, line, text, None, "not exactly one policy (templates are not used)")
    return Statement(file, line, text, policies[0], "")


def _faulty_line(text: str) -> int:
    """The line, from 0, up to which the text is no mere beginning of a statement any more."""
    lines = text.splitlines(keepends=True)
    starts = ("".join(lines[:count]) for count in range(1, len(lines)))
    return next((n for n, start in enumerate(starts) if not _is_beginning(start)), len(lines) - 1)


def _is_beginning(text: str) -> bool:
    try:
        cedarpy.policies_to_json_str(text)
    except ValueError as fault:
        return str(fault) == UNFINISHED
    return True


def policy_json(statements: Iterable[Statement]) -> str:
    """The Cedar JSON policy set in which every policy goes by its ``@id``.

    Raises ValueError for two of the same id, of which one would vanish.
    """
    policies = {}
    for statement in statements:
        if statement.id in policies:
            raise ValueError(f"@id {statement.id} is used more than once")
        policies[statement.id] = statement.syntax
    return json.dumps({"staticPolicies": policies, "templates": {}, "templateLinks": []})


def blocker(statement: Statement) -> Blocker:
    """What a checked ``forbid`` says when it applies. Raises KeyError for an unchecked one."""
    words = statement.annotations
    return Blocker(
        code=words["code"],
        rule=words["id"],
        actor=Actor(words["actor"]),
        ko=words["ko"],
        en=words["en"],
        remedy_ko=words["remedy_ko"],
        remedy_en=words["remedy_en"],
        source=words["source"],
    )


def outcome(statement: Statement) -> Outcome:
    """What the rule leads to when nothing else stands in the way; ``deny`` unless annotated."""
    return Outcome(statement.annotations.get("outcome", Outcome.DENY))


def digest(parts: Iterable[tuple[str, bytes]]) -> str:
    """Hex SHA-256 over named parts, in the given order.

    Each name (UTF-8) and each content is preceded by its length as 8 bytes, big endian, so that
    no two lists of parts share a hash by moving a boundary.
    """
    hasher = hashlib.sha256()
    for name, content in parts:
        for piece in (name.encode(), content):
            hasher.update(len(piece).to_bytes(8, "big"))
            hasher.update(piece)
    return hasher.hexdigest()


def source_digest(source: RuleSource) -> str:
    """Hex SHA-256 over the schema and every statement with its file and place in the order."""
    parts = [(SCHEMA_FILE, source.schema.encode())]
    parts += [(statement.file, statement.text.encode()) for statement in source.statements]
    return digest(parts)
