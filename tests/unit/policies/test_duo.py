"""Data use terms: what each of the 23 allows, refuses, and leaves to a person."""

from __future__ import annotations

import pytest

from policies import duo, duos, ontology
from policies.duo import Code, Kind, Study, Term, TermError
from policies.vocabulary import Match

NUMBER = {code: number for number, code in duo.NUMBERS.items()}
LUNG_CANCER, CANCER, CARIES = "DOID:1324", "DOID:162", "DOID:216"


@pytest.fixture(scope="module")
def tree() -> ontology.Ontology:
    return ontology.shipped()


def _term(text: str) -> Term:
    code, _, value = text.partition("=")
    return Term.parse(f"DUO:{NUMBER[Code(code)]}" + (f"={value}" if value else ""))


def _match(tree, study: Study, *terms: str) -> Match:
    return duo.match(study, map(_term, terms), tree).match


def _study(*kinds: Kind, **more) -> Study:
    return Study(frozenset(kinds), **more)


G, H, D, A, M, C = (
    Kind.GENERAL,
    Kind.HEALTH,
    Kind.DISEASE,
    Kind.ANCESTRY,
    Kind.METHODS,
    (Kind.CLINICAL_CARE),
)
YES, NO, ASK = Match.APPROVE, Match.DENY, Match.ABSTAIN


def test_every_term_of_the_ontology_is_known_by_its_number():
    assert set(duo.NUMBERS.values()) == set(Code)
    assert len(duo.NUMBERS) == 23


@pytest.mark.parametrize(
    ("kind", "term", "expected"),
    [
        (G, "GRU", YES), (G, "HMB", NO), (G, "DS=DOID:162", NO), (G, "POA", NO), (G, "NRES", YES),
        (H, "GRU", YES), (H, "HMB", YES), (H, "DS=DOID:162", NO), (H, "POA", NO), (H, "NRES", YES),
        (A, "GRU", YES), (A, "HMB", NO), (A, "DS=DOID:162", NO), (A, "POA", YES), (A, "NRES", YES),
        (M, "GRU", YES), (M, "HMB", YES), (M, "DS=DOID:162", YES), (M, "POA", YES),
        (C, "GRU", NO), (C, "CC", YES), (C, "NRES", YES),
    ],
)  # fmt: skip
def test_each_permission_covers_its_kinds_of_study(tree, kind, term, expected):
    assert _match(tree, _study(kind), term) is expected


@pytest.mark.parametrize(
    ("disease", "terms", "expected"),
    [
        (LUNG_CANCER, ["DS=DOID:162"], YES),
        (CANCER, ["DS=DOID:162"], YES),
        (CANCER, ["DS=DOID:1324"], NO),
        (CARIES, ["DS=DOID:162"], NO),
        (CARIES, ["DS=DOID:162", "DS=DOID:403"], YES),
        (CARIES, ["HMB"], YES),
        (CARIES, ["GRU"], YES),
        (CARIES, ["POA"], NO),
        ("http://purl.obolibrary.org/obo/DOID_1324", ["DS=DOID:162"], YES),
        ("DOID:99999999", ["DS=DOID:162"], NO),
    ],
)
def test_a_disease_must_lie_under_one_that_the_dataset_names(tree, disease, terms, expected):
    study = _study(D, diseases=frozenset({disease}))

    assert _match(tree, study, *terms) is expected


def test_every_disease_of_a_study_must_fit_and_a_study_on_diseases_names_one(tree):
    both = _study(D, diseases=frozenset({LUNG_CANCER, CARIES}))

    assert _match(tree, both, "DS=DOID:162") is NO
    assert _match(tree, _study(D), "DS=DOID:162") is NO


@pytest.mark.parametrize(
    ("study", "term", "expected"),
    [
        (_study(M), "NMDS", NO),
        (_study(G), "NMDS", YES),
        (_study(A), "NPOA", NO),
        (_study(G), "NPOA", YES),
        (_study(G, non_profit_organisation=True), "NPU", YES),
        (_study(G, non_commercial=True), "NPU", NO),
        (_study(G), "NPU", NO),
        (_study(G, non_commercial=True), "NCU", YES),
        (_study(G, non_commercial=False), "NCU", NO),
        (_study(G, non_commercial=True, non_profit_organisation=True), "NPUNCU", YES),
        (_study(G, non_commercial=True, non_profit_organisation=False), "NPUNCU", NO),
        (_study(G, non_profit_organisation=True), "NPUNCU", NO),
        (_study(G, genetic=True), "GSO", YES),
        (_study(G, genetic=False), "GSO", NO),
        (_study(G), "GSO", NO),
        (_study(G), "RS", ASK),
        (_study(G, region="KR"), "GS=KR,JP", YES),
        (_study(G, region="US"), "GS=KR,JP", NO),
        (_study(G), "GS=KR", ASK),
        (_study(G, region="KR"), "GS", ASK),
        (_study(G, person="p1"), "US=p1", YES),
        (_study(G, person="p2"), "US=p1", NO),
        (_study(G, organisation="o1"), "IS=o1", YES),
        (_study(G, organisation="o2"), "IS=o1", NO),
        (_study(G, project="r1"), "PS=r1", YES),
        (_study(G, project="r2"), "PS", ASK),
        (_study(G, months=12), "TS=12", YES),
        (_study(G, months=13), "TS=12", NO),
        (_study(G), "TS=12", ASK),
        (_study(G, months=1), "TS", ASK),
    ],
)
def test_each_modifier_limits_as_it_says(tree, study, term, expected):
    assert _match(tree, study, "NRES", term) is expected


def test_duties_come_with_the_answer_and_do_not_decide_it(tree):
    matching = duo.match(_study(G), map(_term, ("GRU", "PUB", "COL", "IRB", "MOR", "RTN")), tree)

    assert matching.match is YES
    assert matching.duties == (Code.COL, Code.IRB, Code.MOR, Code.PUB, Code.RTN)


def test_what_no_term_decides_is_left_to_a_person_unless_a_term_refuses(tree):
    delicate = _study(H, needs_judgement=True)

    assert _match(tree, delicate, "HMB") is ASK
    assert _match(tree, delicate, "POA") is NO


def test_permissions_are_alternatives_and_kinds_are_not(tree):
    assert _match(tree, _study(A), "HMB", "POA") is YES
    assert _match(tree, _study(A, H), "HMB") is NO


def test_a_study_that_says_nothing_is_left_to_a_person(tree):
    assert _match(tree, _study(), "HMB") is ASK
    assert _match(tree, _study(non_commercial=True, non_profit_organisation=True), "NPUNCU") is YES


def test_a_dataset_without_terms_fits_every_study_and_one_without_permission_is_asked_about(tree):
    assert _match(tree, _study(G)) is YES
    assert _match(tree, _study(G, genetic=True), "GSO") is ASK


@pytest.mark.parametrize(
    "text",
    ["", "GRU", "DUO:42", "DUO:0000042 ", "DUO:0000001", "DUO:0000007", "DUO:0000025=soon"],
)
def test_a_malformed_term_is_named(text):
    with pytest.raises(TermError, match=r"."):
        Term.parse(text)


def test_a_document_of_duos_is_read_as_study_and_terms(tree):
    purpose = {"diseaseRestrictions": [LUNG_CANCER], "nonProfitUse": True}
    dataset = {"diseaseRestrictions": [CANCER], "nonProfitUse": True, "publicationResults": True}

    matching = duos.decide(purpose, dataset, tree)

    assert (matching.match, matching.duties) == (YES, (Code.PUB,))


@pytest.mark.parametrize(
    ("purpose", "dataset", "expected"),
    [
        ({"nonProfitUse": False}, {"nonProfitUse": True}, NO),
        ({"nonProfitUse": True}, {"nonProfitUse": False}, YES),
        ({"hmbResearch": True, "pediatric": True}, {"hmbResearch": True}, ASK),
        ({"other": "something"}, {"generalUse": True}, ASK),
        ({"hmbResearch": True}, {"hmbResearch": True, "other": "ask us"}, ASK),
        ({"methodsResearch": True}, {"generalUse": True, "methodsResearch": False}, NO),
        ({"hmbResearch": True}, {"generalUse": True, "geographicalRestrictions": "KR"}, ASK),
    ],
)
def test_documents_of_duos_decide_as_their_terms_do(tree, purpose, dataset, expected):
    assert duos.decide(purpose, dataset, tree).match is expected


@pytest.mark.parametrize(
    "document",
    [
        {"mood": True},
        {"hmbResearch": "yes"},
        {"diseaseRestrictions": "DOID:4"},
        {"diseaseRestrictions": [4]},
        {"gender": True},
    ],
)
def test_a_malformed_document_is_named(document):
    with pytest.raises(duos.DocumentError, match=min(document)):
        duos.study(document)


def test_an_ontology_follows_alternative_ids_and_leaves_out_what_is_obsolete():
    text = """format-version: 1.4
[Term]
id: X:1
name: top
[Term]
id: X:2
alt_id: X:9
is_a: X:1 {source="me"} ! top
[Term]
id: X:3
is_obsolete: true
is_a: X:1
[Typedef]
id: part_of
"""
    tree = ontology.parse(text.splitlines())

    assert tree.ancestors("X:9") == {"X:1", "X:2"}
    assert tree.ancestors("X_2") == {"X_2"}
    assert tree.ancestors("X:3") == {"X:3"}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "no term"),
        (["[Term]", "name: nameless"], "line 1: a term has exactly one id"),
        (["[Term]", "id: X:1", "id: X:2"], "exactly one id"),
        (["[Term]", "id: not an id"], "line 2: 'not an id' is not an id"),
        (["[Term]", "id: X:1", "[Term]", "id: X:1"], "line 3: X:1 is defined twice"),
        (["[Term]", "id: X:1", "is_a: X:1"], "line 1: is_a of X:1 is a cycle: X:1 < X:1"),
        (
            ["[Term]", "id: X:2", "is_a: X:3", "[Term]", "id: X:3", "is_a: X:2"],
            "line 1: is_a of X:2 is a cycle: X:2 < X:3 < X:2",
        ),
    ],
)
def test_a_malformed_ontology_is_named_with_its_line(lines, message):
    with pytest.raises(ontology.OntologyError, match=message):
        ontology.parse(lines)


def test_an_ontology_that_is_not_text_is_refused(tmp_path):
    file = tmp_path / "bad.obo"
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(ontology.OntologyError, match="not UTF-8"):
        ontology.read(file)
