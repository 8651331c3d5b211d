"""Refusals name who may do it, as the pages call them."""

from __future__ import annotations

from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from gateway.identity.models import Role
from gateway.identity.refusals import ROLE_NAMES, Part, manager_missing, role_missing
from gateway.identity.words import ROLES
from gateway.journal import Actor, Channel, PartyKind, Place
from gateway.web import i18n

PLACE = Place("127.0.0.1", "test", Channel.API)
PERSON = Actor(PartyKind.PERSON, PLACE)
PROGRAM = Actor(PartyKind.MACHINE, PLACE, program="nightly")


def _messages(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale="ko")


def test_each_role_is_called_as_on_the_pages_in_both_languages() -> None:
    said = {each.id: each.string for path in i18n.catalogue_files() for each in _messages(path)}

    assert set(ROLE_NAMES) == set(Role) == set(ROLES)
    for role, (ko, en) in ROLE_NAMES.items():
        assert said[en] == ko, role


def test_a_missing_role_is_named_with_the_way_to_it() -> None:
    problem = role_missing(PERSON, [Role.STEWARD, Role.AUDITOR])

    assert problem.detail_en == "The role this takes: Auditor or Data steward."
    assert problem.detail_ko == "이 작업에 필요한 역할: 감사 담당자 또는 데이터 관리 담당자."
    assert "ask one for it" in problem.to_json("en")["next"]
    assert problem.to_json("en")["required_roles"] == ["auditor", "steward"]


def test_a_role_that_is_held_for_something_else_is_said_to_be_missing_here() -> None:
    assert "for this dataset" in role_missing(PERSON, [Role.STEWARD], Part.HERE).detail_en
    assert "everywhere" in role_missing(PERSON, [Role.STEWARD], Part.ALL).detail_en


def test_a_program_is_told_that_no_right_goes_through_it() -> None:
    for problem in (manager_missing(PROGRAM), role_missing(PROGRAM, [Role.OPERATOR])):
        assert "never goes through a program" in problem.to_json("en")["next"]
        assert "프로그램에 이어지지 않습니다" in problem.to_json("ko")["next"]
        assert problem.detail_en

    assert "Ask a manager" in manager_missing(PERSON).to_json("en")["next"]
