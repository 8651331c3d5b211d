"""Disease ancestry from an ontology in OBO format (OBO Flat File Format 1.4).

A small file ships with the program; an operator may supply a whole one, such as the Human Disease
Ontology or MONDO. Only ``id``, ``alt_id``, ``is_a`` and ``is_obsolete`` of ``[Term]`` are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from importlib.resources import files
from importlib.resources.abc import Traversable

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]*:[A-Za-z0-9_.-]+")
_IRI = "http://purl.obolibrary.org/obo/"


class OntologyError(ValueError):
    """The ontology cannot be read; the message names the line."""


@dataclass(frozen=True, slots=True)
class Ontology:
    """Terms with their direct parents, and what replaced the names that are no longer used."""

    parents: Mapping[str, frozenset[str]]
    replaced: Mapping[str, str]

    def canonical(self, name: str) -> str:
        """The id of a term given as CURIE (``DOID:162``) or as IRI, or by an alternative id."""
        short = name.strip().removeprefix(_IRI)
        curie = short.replace("_", ":", 1) if short != name.strip() else short
        return self.replaced.get(curie, curie)

    def ancestors(self, name: str) -> frozenset[str]:
        """A term and everything it lies under; an unknown term has only itself."""
        found: set[str] = set()
        waiting = {self.canonical(name)}
        while waiting:
            found |= waiting
            above = (self.parents.get(term, frozenset()) for term in waiting)
            waiting = set().union(*above) - found
        return frozenset(found)


def shipped() -> Ontology:
    """The small ontology that this package carries. Raises OntologyError."""
    return read(files("policies") / "ontology" / "diseases.obo")


def read(file: Traversable) -> Ontology:
    """Read an ontology file. Raises OntologyError naming the line, OSError when unreadable."""
    try:
        return parse(file.read_text(encoding="utf-8").splitlines())
    except UnicodeDecodeError as fault:
        raise OntologyError("the ontology is not UTF-8") from fault


def parse(lines: Iterable[str]) -> Ontology:
    """An ontology from the lines of an OBO document.

    Raises OntologyError naming the line, also for a term that lies under itself.
    """
    parents: dict[str, frozenset[str]] = {}
    replaced: dict[str, str] = {}
    begins: dict[str, int] = {}
    for number, term in _terms(lines):
        name = _single(term, "id", number)
        if term.get("is_obsolete") == ["true"]:
            continue
        if name in parents:
            raise OntologyError(f"line {number}: {name} is defined twice")
        parents[name], begins[name] = frozenset(term.get("is_a", ())), number
        replaced |= dict.fromkeys(term.get("alt_id", ()), name)
    if not parents:
        raise OntologyError("the ontology holds no term")
    _refuse_cycle(parents, begins)
    return Ontology(parents, replaced)


def _refuse_cycle(parents: Mapping[str, frozenset[str]], begins: Mapping[str, int]) -> None:
    """In a cycle every disease lies under every other: consent to one would be consent to all."""
    known = {name: {above for above in parents[name] if above in parents} for name in parents}
    try:
        TopologicalSorter(known).prepare()
    except CycleError as fault:
        cycle = fault.args[1]
        first = min(cycle, key=begins.__getitem__)
        round_ = " < ".join(reversed(cycle))
        raise OntologyError(f"line {begins[first]}: is_a of {first} is a cycle: {round_}") from None


def _single(term: Mapping[str, list[str]], tag: str, number: int) -> str:
    values = term.get(tag, [])
    if len(values) != 1:
        raise OntologyError(f"line {number}: a term has exactly one {tag}")
    return values[0]


def _terms(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, list[str]]]]:
    """Each ``[Term]`` stanza with the line it begins on, counted from 1."""
    term: dict[str, list[str]] | None = None
    begin = 0
    for number, line in enumerate(lines, start=1):
        if line.startswith("["):
            if term is not None:
                yield begin, term
            term, begin = ({} if line.strip() == "[Term]" else None), number
        elif term is not None and ":" in line:
            _take(term, line, number)
    if term is not None:
        yield begin, term


def _take(term: dict[str, list[str]], line: str, number: int) -> None:
    tag, _, rest = line.partition(":")
    value = rest.split(" !")[0].split("{")[0].strip()
    if tag in {"id", "alt_id", "is_a"} and not _ID.fullmatch(value):
        raise OntologyError(f"line {number}: {value!r} is not an id")
    term.setdefault(tag, []).append(value)
