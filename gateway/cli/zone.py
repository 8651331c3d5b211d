"""`sumun zone`: safe zones, from the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from gateway.cli.common import Home, emit, home_option, json_option


@click.group()
def zone() -> None:
    """Safe zones, their seats, and the datasets that are worked on there."""


@zone.command()
@click.argument("slug")
@click.option("--name-ko", required=True, help="Its Korean name.")
@click.option("--name-en", required=True, help="Its English name.")
@click.option("--place", required=True, help="Where people go: building, floor, room.")
@click.option("--seats", type=int, required=True, help="How many seats it has, 1 to 1000.")
@click.option(
    "--network", "networks", multiple=True, required=True, help="Addresses of the seats (CIDR)."
)
@json_option
@home_option
def add(
    home: Home,
    *,
    slug: str,
    name_ko: str,
    name_en: str,
    place: str,
    seats: int,
    networks: Sequence[str],
    as_json: bool,
) -> None:
    """Register the safe zone SLUG."""
    from gateway.zones import service_zones

    new = service_zones.NewZone(slug, name_ko, name_en, place, seats, networks)
    with home.runtime() as runtime:
        row = service_zones.register(runtime, _operator(), new)
    emit(_row(row, ()), as_json)


@zone.command("list")
@json_option
@home_option
def list_zones(home: Home, as_json: bool) -> None:
    """Every safe zone that is open, with its datasets."""
    from gateway.zones.service_reading import places

    with home.runtime() as runtime, runtime.db.read() as session:
        found = places(session)
    emit([_row(place.zone, place.datasets) for place in found], as_json)


@zone.command()
@click.argument("slug")
@click.option("--reason", required=True, help="Why; it is kept with the zone.")
@json_option
@home_option
def close(home: Home, slug: str, reason: str, as_json: bool) -> None:
    """Close SLUG for good: open sessions end, bookings are cancelled."""
    from gateway.zones import service_zones

    with home.runtime() as runtime:
        ended = service_zones.close(runtime, _operator(), slug, reason)
    emit({"zone": slug, "state": "closed", "ended": ended}, as_json)


@zone.command()
@click.argument("slug")
@click.argument("dataset")
@json_option
@home_option
def assign(home: Home, slug: str, dataset: str, as_json: bool) -> None:
    """Let DATASET be worked on in the zone SLUG."""
    from gateway.zones import service_zones

    with home.runtime() as runtime:
        service_zones.assign(runtime, _operator(), slug, dataset)
    emit({"zone": slug, "dataset": dataset, "state": "assigned"}, as_json)


@zone.command()
@click.argument("slug")
@click.argument("dataset")
@json_option
@home_option
def unassign(home: Home, slug: str, dataset: str, as_json: bool) -> None:
    """Take DATASET out of the zone SLUG: its sessions end, its bookings are cancelled."""
    from gateway.zones import service_zones

    with home.runtime() as runtime:
        ended = service_zones.unassign(runtime, _operator(), slug, dataset)
    emit({"zone": slug, "dataset": dataset, "state": "unassigned", "ended": ended}, as_json)


def _operator() -> Any:
    from gateway.journal import Actor

    return Actor.operator()


def _row(row: Any, datasets: Sequence[Any]) -> dict[str, Any]:
    return {
        "zone": row.slug,
        "name_ko": row.name_ko,
        "name_en": row.name_en,
        "place": row.place,
        "seats": row.seats,
        "networks": ", ".join(row.networks),
        "datasets": ", ".join(each.slug for each in datasets),
    }
