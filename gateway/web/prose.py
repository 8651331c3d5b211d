"""Long texts written in Markdown, as part of a page."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markupsafe import Markup

HEADING = ("heading_open", "heading_close")
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def prose(text: str, top: int = 2) -> Markup:
    """`text` as HTML whose highest heading is `<h{top}>`: a page has one `<h1>`, its own.

    HTML inside of the text is shown, not obeyed.
    """
    tokens = _MARKDOWN.parse(text)
    for token in tokens:
        if token.type in HEADING:
            token.tag = f"h{min(int(token.tag[1]) + top - 1, 6)}"
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704
