"""Metrics in Prometheus' text format, for peers on loopback only.

Features make their own metrics with `registry=REGISTRY`. Labels hold routes and codes, never a
person, a dataset item or a path from outside.
"""

from __future__ import annotations

import ipaddress
import time

from flask import Blueprint, Flask, Response, abort, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

REQUESTS = Counter(
    "sumun_http_requests",
    "Answers by route and status",
    ("route", "method", "status"),
    registry=REGISTRY,
)
SECONDS = Histogram(
    "sumun_http_request_seconds",
    "Time to the first byte of the answer",
    ("route",),
    registry=REGISTRY,
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")

blueprint = Blueprint("metrics", __name__)


def is_loopback_peer() -> bool:
    """Whether the socket's peer is this host, and speaks for itself.

    Behind a proxy on the same host every visitor arrives from loopback; the proxy's own
    forwarding headers give that away.
    """
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        peer = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return False
    return peer.is_loopback


@blueprint.get("/metrics")
def metrics() -> Response:
    """Every metric of this process; 404 for anybody who is not on this host."""
    if not is_loopback_peer():
        abort(404)
    return Response(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


def _start() -> None:
    g.started = time.perf_counter()


def _count(response: Response) -> Response:
    route = str(request.url_rule) if request.url_rule else "unmatched"
    method = request.method if request.method in METHODS else "other"
    REQUESTS.labels(route, method, str(response.status_code)).inc()
    SECONDS.labels(route).observe(time.perf_counter() - g.get("started", time.perf_counter()))
    return response


def install(app: Flask) -> None:
    """Count the answers of `app` and serve `/metrics`."""
    app.register_blueprint(blueprint)
    app.before_request(_start)
    app.after_request(_count)
