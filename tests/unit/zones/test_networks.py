"""Who sits at a seat: addresses inside the zone's networks, and no others."""

from __future__ import annotations

import pytest

from gateway.errors import Problem, ProblemCode
from gateway.zones.networks import checked, within

SEATS = ["10.20.0.0/24", "fd00:20::/64"]


@pytest.mark.parametrize(
    "address", ["10.20.0.1", "10.20.0.255", "::ffff:10.20.0.7", "fd00:20::7", "10.20.0.1:5000"]
)
def test_an_address_of_a_seat_is_inside(address: str) -> None:
    assert within(SEATS, address)


@pytest.mark.parametrize(
    "address", ["10.20.1.0", "10.2.0.1", "fd00:21::7", "unknown", "", None, "10.20.0", "seat"]
)
def test_any_other_is_outside(address: str | None) -> None:
    assert not within(SEATS, address)


def test_networks_are_kept_once_and_in_one_spelling() -> None:
    given = [" 10.20.0.0/24", "10.20.0.0/255.255.255.0", "FD00:20:0::/64"]

    assert checked(given) == SEATS


@pytest.mark.parametrize("given", [[], [""], ["10.20.0.1/24"], ["0.0.0.0/0"], ["::/0"], ["seat"]])
def test_what_is_no_network_of_seats_is_refused(given: list[str]) -> None:
    with pytest.raises(Problem) as refused:
        checked(given)

    assert refused.value.code is ProblemCode.VALIDATION_FAILED
