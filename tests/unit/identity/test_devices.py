"""Sessions are listed by names that people know."""

from __future__ import annotations

import pytest

from gateway.identity.devices import device_of

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140 Safari/537.36"
EDGE = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140 Safari/537.36 Edg/140.0"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [(CHROME, "Chrome · Linux"), (EDGE, "Edge · Windows"), ("curl/8.5", "curl/8.5"), ("", "")],
)
def test_a_browser_is_named_by_itself_and_its_system(user_agent: str, name: str) -> None:
    assert device_of(user_agent) == name
