"""Whether rules may decide with this program: whole, fit for its facts, every invariant proved.

What is proved is said together with the hash of the library that proved it, so that a program
with other invariants, or another way to read rules, proves again instead of believing the record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any, Final

from gateway.errors import OperatorError
from gateway.policy.loading import ReleaseBroken, engine_of
from gateway.policy.models import PolicyRelease
from policies import agreements, rules
from policies.casefile import run_cases
from policies.check import RuleError
from policies.engine import ENGINE_ERROR, Engine
from policies.words import in_words

if TYPE_CHECKING:
    from policies.prove import Proof

ERROR: Final = ENGINE_ERROR.code
# What else decides whether a proof holds: the engine that evaluates and the solver.
_SOLVERS: Final = ("cedarpy", "z3-solver")
KEPT: Final = 16
_proved: dict[tuple[str, str], dict[str, Any]] = {}


class ReleaseRefused(OperatorError):
    """Rules that may not be put in force; the message says where and why."""


def checked(files: Mapping[str, str]) -> Engine:
    """The engine of rules that fit the facts; nothing is proved. Raises ReleaseRefused."""
    engine = read(files)
    _check_evaluates(engine)
    return engine


def read(files: Mapping[str, str]) -> Engine:
    """The engine of rules that are whole. Raises ReleaseRefused."""
    try:
        return Engine(rules.from_files(files), agreements.hashes())
    except KeyError as error:
        raise ReleaseRefused(f"{rules.SCHEMA_FILE} is missing") from error
    except RuleError as error:
        raise ReleaseRefused(str(error)) from error


def vetted(row: PolicyRelease) -> dict[str, Any]:
    """The proofs of a record, made now: it has its hash, it evaluates, every invariant holds.

    Raises ReleaseRefused naming the release.
    """
    try:
        return proofs_of(engine_of(row))
    except ReleaseBroken as error:
        raise ReleaseRefused(str(error)) from error
    except ReleaseRefused as error:
        raise ReleaseRefused(
            f"policy release {row.sha256} may not decide with this program: {error}"
        ) from error


def is_proved(row: PolicyRelease) -> bool:
    """Whether the proofs on record were made by this very library."""
    proofs = list(row.proofs.values()) if isinstance(row.proofs, dict) else []
    return bool(proofs) and all(_is_ours(proof) for proof in proofs)


def proofs_of(engine: Engine) -> dict[str, Any]:
    """What the prover says of every invariant of rules that fit the facts, by its id.

    The same rules are proved once in a process. Raises ReleaseRefused for a broken invariant.
    """
    key = engine.release, library()
    if key not in _proved:
        _check_evaluates(engine)
        found = _prove(engine)
        while len(_proved) >= KEPT:
            _proved.pop(next(iter(_proved)), None)
        _proved[key] = found
    return dict(_proved[key])


@lru_cache(maxsize=1)
def library() -> str:
    """Hex SHA-256 of the code and cases that judge rules, with the versions of their engines."""
    versions = [(name, metadata.version(name).encode()) for name in _SOLVERS]
    root = resources.files("policies")
    files = [*_files(root, ".py"), *_files(root / "cases", ".toml")]
    return rules.digest([*versions, *sorted(files)])


def _files(folder: Traversable, suffix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.name.endswith(suffix):
            yield entry.name, entry.read_bytes()


def _is_ours(proof: object) -> bool:
    return isinstance(proof, dict) and proof.get("holds") is True and proof.get("by") == library()


def _check_evaluates(engine: Engine) -> None:
    """Its schema must fit the facts of this program: otherwise every answer would be a no.

    Whether the cases come out as the program's own rules have them is not asked: rules that an
    operator changes are meant to decide otherwise.
    """
    for result in run_cases(engine).results:
        if ERROR in result.decision.codes and ERROR not in result.case.codes:
            raise ReleaseRefused(
                f"the rules or their schema do not fit the facts of this program: they err in the "
                f"case {result.case.name!r}"
            )


def _prove(engine: Engine) -> dict[str, Any]:
    from policies.algebra import Unsupported
    from policies.invariants import INVARIANTS
    from policies.prove import Undecided, prove

    try:
        proofs = prove(engine.source, INVARIANTS)
    except (Unsupported, Undecided) as error:
        raise ReleaseRefused(f"the rules cannot be proved: {error}") from error
    broken = [proof for proof in proofs if proof.counterexample is not None]
    if broken:
        raise ReleaseRefused("; ".join(map(_broken, broken)))
    said = {"holds": True, "by": library()}
    return {proof.id: {**said, "ko": proof.ko, "en": proof.en} for proof in proofs}


def _broken(proof: Proof) -> str:
    """The invariant, what it allows now, and the line of the program's rule that refuses it."""
    from policies.breach import refusing

    example = proof.counterexample
    assert example is not None  # for the type checker: only broken ones come here
    missing = ", ".join(f"{s.file}:{s.line} {s.id}" for s in refusing(rules.read(), example))
    facts = "; ".join(in_words(example.facts))
    return (
        f"{proof.id} is broken ({proof.en}): {example.action} is allowed with {facts}; "
        f"the program's own rules refuse it at {missing or 'no line either'}"
    )
