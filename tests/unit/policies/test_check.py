"""What may be put in force: every fault is shown with its file and line."""

from __future__ import annotations

import pytest

from policies import rules
from policies.check import agreement_problems, check, inspect
from policies.rules import RuleSource, parse

GOOD = """// a comment; with a semicolon
@id("a")
@code("A_CODE")
@ko("안 됩니다; 정말로.")
@en("No.")
@remedy_ko("이렇게 하십시오.")
@remedy_en("Do this.")
@actor("steward")
@source("Somewhere")
forbid (principal, action, resource)
when { !principal.active };
"""


def _problems(text: str) -> list[str]:
    return [str(p) for p in inspect(RuleSource(tuple(parse("x.cedar", text)), rules.read().schema))]


def test_the_rules_and_agreements_of_the_package_have_no_problem():
    assert check() == ()


def test_a_complete_rule_has_no_problem():
    assert _problems(GOOD) == []


def test_semicolons_in_texts_and_comments_do_not_split_a_rule():
    (statement,) = parse("x.cedar", GOOD)

    assert statement.line == 2
    assert statement.annotations["ko"] == "안 됩니다; 정말로."


@pytest.mark.parametrize("name", ["code", "ko", "en", "remedy_ko", "remedy_en", "actor", "source"])
def test_a_missing_annotation_is_named_with_file_and_line(name):
    lines = [line for line in GOOD.splitlines() if not line.startswith(f"@{name}(")]

    assert f"x.cedar:2: @{name} is missing" in _problems("\n".join(lines))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('@id("a")\n', "", "x.cedar:2: @id is missing"),
        ("안 됩니다; 정말로.", "No.", "x.cedar:2: @ko is not Korean"),
        ("이렇게 하십시오.", "Do.", "x.cedar:2: @remedy_ko is not Korean"),
        ("Do this.", "이렇게", "x.cedar:2: @remedy_en is not English"),
        ('"No."', '"  "', "x.cedar:2: @en is missing"),
        ("A_CODE", "a code", "x.cedar:2: @code a code is not a code a rule may use"),
        ("A_CODE", "ENGINE_ERROR", "x.cedar:2: @code ENGINE_ERROR is not a code a rule may use"),
        ('"steward"', '"king"', "x.cedar:2: @actor king is not one of: applicant,"),
        ("@source", '@outcome("allow")\n@source', "x.cedar:2: @outcome allow is not one of: deny"),
        ("@source", '@mood("good")\n@source', "x.cedar:2: @mood is not known"),
        (".active", ".alive", "x.cedar:11: does not fit the schema: attribute `alive`"),
        ("action,", 'action in Action::"flee",', "x.cedar:10: does not fit the schema: "),
        ("principal.active", "resource.active", "x.cedar:11: does not fit the schema: "),
        ("principal, action", "principal action", "x.cedar:10: does not parse: "),
        ("forbid (principal,", "forbid (principal == ?principal,", "x.cedar:2: does not parse: "),
        ("principal.active }", "(principal.active }", "x.cedar:11: does not parse: "),
        ("active };", "active }", "x.cedar:11: does not parse: unexpected end of input"),
        ('"No."', '"No.', "x.cedar:5: does not parse: "),
        ("(principal,", '(principal == Person::"",', "x.cedar:2: the principal is bound to a name"),
        ("(principal,", '(principal in Person::"",', "x.cedar:2: the principal is bound to a name"),
        (
            "(principal,",
            '(principal is Person in Person::"x",',
            "x.cedar:2: the principal is bound to a name",
        ),
        ("resource)", 'resource == Dataset::"")', "x.cedar:2: the resource is bound to a name"),
    ],
)
def test_a_fault_is_shown_where_it_stands(old, new, message):
    problems = _problems(GOOD.replace(old, new))

    assert any(problem.startswith(message) for problem in problems), problems


def test_a_file_that_is_not_utf_8_is_named(tmp_path):
    (tmp_path / "schema.cedarschema").write_text(rules.read().schema, "utf-8")
    (tmp_path / "10-x.cedar").write_bytes(GOOD.encode("utf-16"))

    assert [str(p) for p in check(tmp_path)] == [
        "10-x.cedar:0: cannot be read: not UTF-8 at byte 0"
    ]


def test_only_the_code_of_a_missing_fact_is_shared_never_an_id():
    shared = GOOD.replace("A_CODE", "FACT_MISSING")

    assert _problems(shared + shared.replace('@id("a")', '@id("b")')) == []
    named = shared.replace('@id("a")', '@id("FACT_MISSING")')
    assert "x.cedar:2: @id FACT_MISSING is used more than once" in _problems(named + named)


def test_a_second_rule_with_the_same_id_and_code_is_shown_at_both_places():
    problems = _problems(GOOD + "\n" + GOOD)

    assert [problem for problem in problems if "@id a is used more than once" in problem] == [
        "x.cedar:2: @id a is used more than once",
        "x.cedar:14: @id a is used more than once",
    ]
    assert any("@code A_CODE is used more than once" in problem for problem in problems)


def test_no_rule_at_all_is_a_problem():
    assert _problems("// nothing here\n") == ["schema.cedarschema:0: there is no rule at all"]


def test_a_broken_schema_is_a_problem():
    (problem,) = inspect(RuleSource(tuple(parse("x.cedar", GOOD)), "entity Person = {"))

    assert "the schema does not parse" in problem.message


def test_a_folder_that_cannot_be_read_is_a_problem(tmp_path):
    (problem,) = check(tmp_path / "nowhere")

    assert "cannot be read" in problem.message


def test_a_broken_agreement_is_a_problem_that_names_its_file(tmp_path):
    (tmp_path / "health" / "v1").mkdir(parents=True)

    (problem,) = agreement_problems(tmp_path)

    assert problem.file == "health/v1/ko.md"
