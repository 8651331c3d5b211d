"""Each page in English: readable, accessible, never wider than the screen."""

from __future__ import annotations

import pytest

from tests.e2e import test_pages

sights = test_pages.sights
test_every_page_answers_as_expected = test_pages.test_every_page_answers_as_expected
test_every_page_says_what_it_is = test_pages.test_every_page_says_what_it_is_in_the_readers_language
test_axe_finds_nothing_in_light_and_dark = test_pages.test_axe_finds_nothing_in_light_and_dark
test_no_page_scrolls_sideways = test_pages.test_no_page_scrolls_sideways
test_the_content_security_policy_is_never_hurt = (
    test_pages.test_the_content_security_policy_is_never_hurt
)
test_no_page_mixes_the_languages = test_pages.test_no_page_mixes_the_languages
test_no_page_shows_a_code_instead_of_words = test_pages.test_no_page_shows_a_code_instead_of_words


@pytest.fixture(scope="module")
def language() -> str:
    return "en"
