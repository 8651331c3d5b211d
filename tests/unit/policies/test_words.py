"""Facts in words: complete, and readable at the ends of every range."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policies.facts import UNLIMITED_BYTES
from policies.space import INT_MAX, INT_MIN, fields
from policies.words import in_words
from tests.unit.policies.baselines import baseline


def _line(lines: tuple[str, ...], title: str) -> str:
    return next(line for line in lines if line.startswith(f"{title}: "))


def test_every_record_has_a_line_and_every_fact_is_in_one():
    facts = baseline("visitor")

    text = "\n".join(in_words(facts))

    assert [line.split(":")[0] for line in in_words(facts)] == [
        "person",
        "dataset",
        "standing",
        "safe zone",
        "request",
    ]
    shown = {f.source[-1] for f in fields().values() if f.source[0] in {"subject", "standing"}}
    plain = {name.removesuffix("_ms").removesuffix("_bytes").replace("_", " ") for name in shown}
    assert [name for name in sorted(plain) if name not in text] == []


def test_states_times_sizes_and_sets_read_as_people_write_them():
    lines = in_words(baseline("researcher"))

    assert "suspended no" in _line(lines, "person")
    assert "strong auth at unknown" in _line(lines, "person")
    assert "modality medical image" in _line(lines, "dataset")
    assert "agreement (code health, purposes academic research and" in _line(lines, "dataset")
    assert "grant ends 2027-01-26T21:46:40.000Z" in _line(lines, "standing")
    assert "quota 1,000,000 bytes" in _line(lines, "standing")
    assert "approvals none" in _line(lines, "standing")
    assert _line(lines, "request") == "request: now 2027-01-15T08:00:00.000Z, request 1,000 bytes"


@pytest.mark.parametrize("moment", [INT_MIN, INT_MAX])
def test_a_moment_beyond_the_calendar_is_a_plain_number(moment):
    facts = replace(baseline("researcher"), now_ms=moment)

    assert f"now {moment:,} ms" in _line(in_words(facts), "request")


def test_no_limit_is_called_so():
    facts = baseline("researcher")
    standing = replace(facts.standing, quota_bytes=UNLIMITED_BYTES)

    assert "quota unlimited" in _line(in_words(replace(facts, standing=standing)), "standing")
