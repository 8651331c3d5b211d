from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask, render_template_string

from gateway.web import labels
from gateway.web.forms import Form
from gateway.web.paging import Page
from policies.decision import Actor

IMPORT = '{% import "components.html" as c %}'


def _render(app: Flask, source: str, language: str = "ko", **context: Any) -> str:
    with app.test_request_context(f"/?lang={language}"):
        return render_template_string(IMPORT + source, **context)


def test_a_field_keeps_what_was_typed_and_names_its_error_to_screen_readers(app: Flask) -> None:
    form = Form({"title": '<b>"'}, {"title": "3자 이상"})
    html = _render(app, '{{ c.field("title", "제목", form=form, hint="짧게") }}', form=form)

    assert 'value="&lt;b&gt;&#34;"' in html
    assert 'aria-describedby="h-title e-title"' in html
    assert 'id="e-title"' in html
    assert 'aria-invalid="true"' in html
    assert '<label for="f-title">' in html


def test_a_password_never_comes_back(app: Flask) -> None:
    form = Form({"secret": "hunter2"}, {})
    html = _render(app, '{{ c.field("secret", "비밀번호", "password", form=form) }}', form=form)

    assert "hunter2" not in html


def test_choices_come_back_as_they_were(app: Flask) -> None:
    form = Form({"many": ["b"], "one": "y", "pick": "2", "yes": "true"}, {})
    source = (
        '{{ c.field("many", "m", "checkboxes", form=form, options=[("a", "A"), ("b", "B")]) }}'
        '{{ c.field("one", "o", "radios", form=form, options=[("x", "X"), ("y", "Y")]) }}'
        '{{ c.field("pick", "p", "select", form=form, options=[(1, "1"), (2, "2")]) }}'
        '{{ c.field("yes", "y", "checkbox", form=form) }}'
    )
    html = _render(app, source, form=form)

    assert re.findall(r'value="(\w+)" (?:checked|selected)', html) == ["b", "y", "2", "true"]


def test_what_was_emptied_or_unticked_stays_so(app: Flask) -> None:
    form = Form({"other": "x"}, {"other": "…"})
    source = (
        '{{ c.field("title", "t", form=form, value="old") }}'
        '{{ c.field("yes", "y", "checkbox", form=form, value=true) }}'
    )
    html = _render(app, source, form=form)

    assert "old" not in html
    assert "checked" not in html


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_state_has_an_icon_and_a_word(app: Flask, language: str) -> None:
    for noun, states in labels.STATES.items():
        for state in states:
            html = _render(app, f'{{{{ c.state_chip("{noun}", "{state}") }}}}', language)
            assert "<svg" in html
            assert re.search(r"</svg>\S+", html)


def test_whoever_can_act_has_one_name_on_pages_and_in_commands(app: Flask) -> None:
    for actor in Actor:
        assert actor.ko in _render(app, f'{{{{ c.who("{actor}") }}}}')
        assert actor.en.lower() in _render(app, f'{{{{ c.who("{actor}") }}}}', "en").lower()


def test_a_path_to_yes_tells_who_takes_each_step(app: Flask) -> None:
    steps = [{"ko": "승인서를 첨부해 주십시오.", "en": "Attach it.", "actor": "irb"}]
    html = _render(app, "{{ c.path_to_yes(steps) }}", steps=steps)

    assert "승인서를 첨부해 주십시오." in html
    assert "기관생명윤리위원회(IRB)" in html


def test_a_timeline_marks_whose_turn_it_is_and_since_when(app: Flask) -> None:
    since = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
    steps = [{"state": "current", "title": "심의 중", "who": "심의위원", "since": since}]
    html = _render(app, "{{ c.timeline(steps) }}", steps=steps)

    assert 'aria-current="step"' in html
    assert "3일 전" in html


def test_sorting_says_its_direction_and_turns_it(app: Flask) -> None:
    html = _render(app, '{{ c.th_sort("시각", "at", "at", "/audit?x=1") }}')

    assert 'aria-sort="ascending"' in html
    assert 'href="/audit?x=1&amp;sort=-at"' in html


def test_the_pager_keeps_the_filters(app: Flask) -> None:
    html = _render(app, '{{ c.pager(page, "/audit?x=1") }}', page=Page([1], "NEXT", None))

    assert 'href="/audit?x=1&amp;cursor=NEXT"' in html
    assert 'rel="prev"' not in html


def test_a_difference_is_told_by_signs_and_words_besides_colour(app: Flask) -> None:
    html = _render(app, '{{ c.diff([("added", "a"), ("removed", "b")]) }}')

    assert "추가:" in html
    assert "삭제:" in html
