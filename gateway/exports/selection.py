"""The items of a version that patterns choose, read from its index, in the order of their paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.catalog import manifest_index
from gateway.catalog.items import Item
from gateway.catalog.models import DatasetVersion
from gateway.errors import Problem, ProblemCode
from gateway.exports import patterns as globs
from gateway.exports.patterns import Pattern, PatternInvalid
from gateway.runtime import Runtime
from gateway.web.paging import Window

# More than this is no package any more: `sumun download` resumes file by file.
MAX_ITEMS = 50_000
MAX_BYTES = 64 << 30
# A request must not read the whole index of the largest sets.
MAX_EXAMINED = 1_000_000
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """How much a choice is: files, and their bytes before they are packed."""

    items: int
    bytes: int


def parse_all(texts: Sequence[str]) -> tuple[Pattern, ...]:
    """The patterns of a request. Raises Problem VALIDATION_FAILED naming the wrong one."""
    if not 1 <= len(texts) <= globs.MAX_PATTERNS:
        raise _invalid(
            f"파일 형식(패턴)을 1개 이상 {globs.MAX_PATTERNS}개 이하로 적어 주십시오.",
            f"Give between 1 and {globs.MAX_PATTERNS} patterns.",
        )
    return tuple(_parse(text) for text in texts)


def choose(
    runtime: Runtime, version: DatasetVersion, patterns: Sequence[Pattern]
) -> Iterator[Item]:
    """Every item that one of `patterns` means, once. Raises Problem STORAGE_UNAVAILABLE."""
    for item in _below(runtime, version, globs.prefixes(patterns)):
        if any(pattern.matches(item.path) for pattern in patterns):
            yield item


def measure(runtime: Runtime, version: DatasetVersion, patterns: Sequence[Pattern]) -> Chosen:
    """How much `patterns` choose. Raises Problem VALIDATION_FAILED for nothing or too much."""
    items = size = 0
    candidates = enumerate(_below(runtime, version, globs.prefixes(patterns)))
    for examined, item in candidates:
        if any(pattern.matches(item.path) for pattern in patterns):
            items, size = items + 1, size + item.size
        if items > MAX_ITEMS or size > MAX_BYTES or examined >= MAX_EXAMINED:
            raise _too_much()
    if not items:
        raise _invalid(
            "이 버전에 해당하는 파일이 없습니다. 버전 페이지의 목록에서 경로를 확인해 주십시오.",
            "No file of this version matches. Compare with the listing on the dataset's page.",
        )
    return Chosen(items, size)


def _below(runtime: Runtime, version: DatasetVersion, prefixes: Sequence[str]) -> Iterator[Item]:
    for prefix in prefixes:
        window: Window | None = Window(_BATCH - 1, prefix)
        while window is not None:
            rows = manifest_index.listing(runtime, version, prefix, window)
            yield from rows
            full = len(rows) == _BATCH
            window = Window(_BATCH - 1, prefix, position=(rows[-1].path,)) if full else None


def _parse(text: str) -> Pattern:
    try:
        return globs.parse(text)
    except PatternInvalid as error:
        shown = text[:80]
        raise _invalid(
            f"경로 형식이 올바르지 않습니다: {shown!r}. 목록에 있는 경로나 *, ?, **를 쓴 형식을"
            " 적어 주십시오.",
            f"Not a path or pattern: {shown!r} ({error}). Use a path from the listing, or *, ?"
            " and ** in it.",
        ) from None


def _too_much() -> Problem:
    return _invalid(
        f"한 묶음은 파일 {MAX_ITEMS:,}개, {MAX_BYTES >> 30} GiB까지입니다. 폴더를 나누어 신청하거나"
        " sumun download를 사용해 주십시오.",
        f"A package holds at most {MAX_ITEMS:,} files and {MAX_BYTES >> 30} GiB. Ask folder by"
        " folder, or use sumun download.",
    )


def _invalid(ko: str, en: str) -> Problem:
    return Problem(ProblemCode.VALIDATION_FAILED, ko, en, field="patterns")
