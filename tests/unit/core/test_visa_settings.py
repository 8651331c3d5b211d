"""Visa issuers in `sumun.toml`: what is accepted, and what stops the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.config import Settings, load
from gateway.doctor import _visa_issuer
from gateway.errors import OperatorError
from gateway.visa_settings import VisaIssuer
from tests.parts.visa_issuer import issuing

UNI = """id = "uni"
name = "한국대학교"
issuer = "https://visas.example.org/"
jku = ["https://visas.example.org/jwks"]
sources = ["https://uni.example.org"]
types = ["ResearcherStatus"]
by = ["so"]
"""
RULE = """[[visa_issuers.takes]]
type = "ResearcherStatus"
value = "https://doi.org/10.1038/s41431-018-0219-y"
counts_as = "identity"
level = 2
max_age_days = 30
"""


def read(tmp_path: Path, *tables: str) -> Settings:
    file = tmp_path / "sumun.toml"
    file.write_text("".join(f"[[visa_issuers]]\n{table}" for table in tables), "utf-8")
    return load({"SUMUN_CONFIG": str(file)})


def test_an_issuer_is_read_with_what_its_visas_count_as(tmp_path: Path) -> None:
    (uni,) = read(tmp_path, UNI + RULE).visa_issuers

    assert uni.algorithms == ("RS256", "ES256")
    assert uni.typ == ("vnd.ga4gh.visa+jwt",)
    assert uni.subject_issuer == uni.issuer
    assert uni.rule_for("ResearcherStatus", "https://elsewhere.example") is None
    rule = uni.rule_for("ResearcherStatus", "https://doi.org/10.1038/s41431-018-0219-y")
    assert rule is not None
    assert (rule.counts_as, rule.level) == ("identity", 2)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ((UNI + 'colour = "red"\n',), "VISA_ISSUERS.0.colour"),
        ((UNI + 'algorithms = ["none"]\n',), "algorithms"),
        ((UNI + 'algorithms = ["PS256"]\n',), "algorithms"),
        ((UNI + 'algorithms = ["HS256"]\n',), "algorithms"),
        ((UNI + 'typ = ["at+jwt"]\n',), "typ"),
        ((UNI.replace('["so"]', "[]"),), "by"),
        ((UNI.replace('["so"]', '["king"]'),), "by"),
        ((UNI.replace('["https://uni.example.org"]', "[]"),), "sources"),
        ((UNI.replace('["https://visas.example.org/jwks"]', "[]"),), "jku"),
        (
            (UNI.replace("https://visas.example.org/jwks", "http://visas.example.org/jwks"),),
            "https",
        ),
        ((UNI.replace("org/jwks", "org/jwks#a"),), "fragment"),
        ((UNI.replace("https://visas.example.org/jwks", "https://a@b.example/"),), "no user"),
        ((UNI.replace('"uni"', '"U ni"'),), "1 to 32"),
        ((UNI + RULE.replace("level = 2", "level = 0"),), "identity has a level"),
        ((UNI + RULE.replace('"identity"', '"training"'),), "training has none"),
        ((UNI + RULE.replace('"identity"', '"irb"'),), "counts_as"),
        ((UNI + RULE.replace('type = "R', 'type = "X'),), "takes names a type"),
        ((UNI, UNI), "same id"),
        ((UNI, UNI.replace('"uni"', '"uni2"')), "same issuer"),
    ],
)
def test_what_is_wrong_stops_the_start_and_is_named(
    tmp_path: Path, tables: tuple[str, ...], words: str
) -> None:
    with pytest.raises(OperatorError, match=words):
        read(tmp_path, *tables)


def test_there_is_no_environment_variable_for_them() -> None:
    with pytest.raises(OperatorError, match=r"\[\[visa_issuers\]\]"):
        load({"SUMUN_VISA_ISSUERS": "x"})


def test_the_doctor_reads_the_keys_of_every_issuer() -> None:
    with issuing(SystemClock()) as issuer:
        trusted = VisaIssuer.model_validate(issuer.settings())

        assert _visa_issuer(trusted).endswith(": 1 keys")
        issuer.status = 500
        with pytest.raises(OperatorError, match="keys_unusable"):
            _visa_issuer(trusted)
