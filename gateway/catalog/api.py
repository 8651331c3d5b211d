"""The catalogue's JSON API; reading needs no sign-in."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from gateway.catalog import service_reading, views
from gateway.catalog.schemas import DatasetList, DatasetOut, DatasetQuery, ItemList, ItemQuery
from gateway.identity.http import rt
from gateway.web.forms import parse_query
from gateway.web.openapi import documented
from gateway.web.paging import scope_of

TAG = "Catalogue"
DEFAULT_LIMIT = 25
blueprint = Blueprint("catalog_api", __name__, url_prefix="/api/v1/datasets")


@blueprint.get("")
@documented(tag=TAG, answer=DatasetList, query=DatasetQuery, public=True)
def datasets() -> Response:
    """List datasets, newest first, with filters."""
    query, cursors = parse_query(DatasetQuery), views.cursors()
    window = cursors.window(request.args, scope_of("datasets", request.args), DEFAULT_LIMIT)
    with rt().db.read() as session:
        cards = service_reading.list_datasets(session, query, window)
        page = cursors.page(cards, window, lambda card: (card.dataset.id,))
        found = [service_reading.detail(session, card.dataset) for card in page.items]
    shown = [views.dataset_out(each) for each in found]
    answer = DatasetList(datasets=shown, next=page.next, previous=page.previous)
    return jsonify(answer.model_dump(mode="json"))


@blueprint.get("/<slug>")
@documented(tag=TAG, answer=DatasetOut, public=True)
def dataset(slug: str) -> Response:
    """Show one dataset with its versions, and what an applicant needs."""
    with rt().db.read() as session:
        found = service_reading.show(session, slug, everything=views.is_steward(slug))
    return jsonify(views.dataset_out(found).model_dump(mode="json"))


@blueprint.get("/<slug>/versions/<label>/items")
@documented(tag=TAG, answer=ItemList, query=ItemQuery, public=True)
def items(slug: str, label: str) -> Response:
    """List the files of a version by prefix, sorted by path."""
    query = parse_query(ItemQuery)
    with rt().db.read() as session:
        dataset, version = views.visible_version(session, slug, label)
    page = views.items_page(dataset, version, query, request.args)
    shown = [views.item_out(item) for item in page.items]
    answer = ItemList(
        dataset=slug, version=label, items=shown, next=page.next, previous=page.previous
    )
    return jsonify(answer.model_dump(mode="json"))
