"""Rendering pages, and the static files they need."""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, abort, g, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from gateway.web import nav
from gateway.web.i18n import LANGUAGES, Language, language

__all__ = ["LANGUAGES", "Asset", "blueprint", "install", "language", "render", "static_url"]

FOLDER = Path(__file__).parent / "static"
IMMUTABLE = "public, max-age=31536000, immutable"
VERSION_LENGTH = 16

blueprint = Blueprint("web", __name__, template_folder="templates")


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file held in memory: its bytes, media type and content hash."""

    body: bytes
    media_type: str
    version: str


def _load(path: Path) -> Asset:
    body = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Asset(body, media_type, hashlib.sha256(body).hexdigest()[:VERSION_LENGTH])


# Held in memory: a few small files, and no path from outside ever reaches the file system.
ASSETS = {path.name: _load(path) for path in sorted(FOLDER.iterdir()) if path.is_file()}


def static_url(name: str) -> str:
    """The address of a static file with its content hash. Raises KeyError for an unknown name."""
    return url_for("web.static", name=name, v=ASSETS[name].version)


@blueprint.get("/static/<name>")
def static(name: str) -> BaseResponse:
    """A static file; for ever in caches when asked for by its content hash."""
    asset = ASSETS.get(name) or abort(404)
    response = Response(asset.body, content_type=_content_type(asset.media_type))
    response.set_etag(asset.version)
    named = request.args.get("v") == asset.version
    response.headers["Cache-Control"] = IMMUTABLE if named else "no-cache"
    return response.make_conditional(request)


def _content_type(media_type: str) -> str:
    return f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type


def language_url(chosen: Language) -> str:
    """The present page in another language, with its filters kept."""
    query = request.args.to_dict(flat=False) | {"lang": [chosen]}
    values: dict[str, Any] = {**(request.view_args or {}), **query}
    # A page that was posted to may have no GET of its own; its error page then starts at home.
    if request.endpoint is None or request.method not in {"GET", "HEAD"}:
        # One slash: "//host" would lead the reader to another site.
        return f"/{request.path.lstrip('/')}?lang={chosen}"
    return url_for(request.endpoint, **values)


def render(template: str, **context: Any) -> str:
    """The page `template` with `context`; navigation, viewer and language are always there."""
    return render_template(template, **context)


def _context() -> dict[str, Any]:
    viewer = g.get("viewer")
    return {
        "viewer": viewer,
        "navigation": nav.navigation().visible_to(viewer),
        "section": (request.endpoint or "").partition(".")[0],
    }


def install(app: Flask) -> None:
    """Register statics and the names that every template may use.

    `app` must be made with `static_folder=None`: Flask's own static route has no hashes.
    """
    app.register_blueprint(blueprint)
    app.context_processor(_context)
    app.jinja_env.globals.update(static_url=static_url, language_url=language_url)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
