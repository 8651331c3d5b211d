"""Check digits and plausibility of identifiers. Pure functions on digit strings.

A Korean resident number issued since October 2020 carries random digits after the gender digit,
so its check may only raise a score, never clear a number.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv6Address

_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# Two-digit years up to here may belong to the 2000s; beyond it no such person is born yet.
_LATEST_2000S = 35
# Nobody alive is born before 1915; older numbers are far more likely a corporation's.
_EARLIEST_1900S = 15

_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "BR": 29, "CH": 21, "CY": 28, "CZ": 24,
    "DE": 22, "DK": 18, "EE": 20, "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GI": 23, "GR": 27,
    "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26, "IT": 27, "KZ": 20, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "QA": 29,
    "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "TR": 26, "UA": 29,
}  # fmt: skip


def digits(text: str) -> str:
    """Return only the ASCII digits of `text`."""
    return "".join(c for c in text if "0" <= c <= "9")


def luhn(value: str) -> bool:
    """ISO/IEC 7812-1 annex B. Separators are ignored; one repeated digit is no card."""
    number = digits(value)
    total = 0
    for place, char in enumerate(reversed(number)):
        digit = int(char) * (1 + place % 2)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0 and len(set(number)) > 1


def weighted(value: str, weights: tuple[int, ...]) -> int:
    """Return the sum of digit times weight over the leading digits."""
    return sum(int(d) * w for d, w in zip(digits(value), weights, strict=False))


def rrn_check(value: str) -> bool:
    """Check digit of resident numbers issued before October 2020."""
    total = weighted(value, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5))
    return (11 - total % 11) % 10 == int(digits(value)[12])


def frn_check(value: str) -> bool:
    """Check digit of foreigner registration numbers issued before October 2020."""
    total = weighted(value, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5))
    return (13 - total % 11) % 10 == int(digits(value)[12])


def brn_check(value: str) -> bool:
    """Check digit of business registration numbers (National Tax Service)."""
    number = digits(value)
    total = weighted(number[:9], (1, 3, 7, 1, 3, 7, 1, 3, 5)) + int(number[8]) * 5 // 10
    return (10 - total % 10) % 10 == int(number[9])


def corp_check(value: str) -> bool:
    """Check digit of corporate registration numbers (alternating weights 1 and 2)."""
    total = weighted(digits(value)[:12], (1, 2) * 6)
    return (10 - total % 10) % 10 == int(digits(value)[12])


def birth_date(value: str) -> bool:
    """Tell whether the first six digits are a YYMMDD that the calendar knows."""
    month, day = int(value[2:4]), int(value[4:6])
    return 1 <= month <= 12 and 1 <= day <= _DAYS[month - 1]


def birth_century(value: str) -> bool:
    """Tell whether year and gender digit (the seventh) fit a person who can be alive."""
    number = digits(value)
    year, century = int(number[:2]), number[6]
    return year >= _EARLIEST_1900S if century in "1256" else year <= _LATEST_2000S


def born(value: str) -> bool:
    """Tell whether a resident number's date and century are both plausible."""
    return birth_date(value) and birth_century(value)


def ssn_issued(value: str) -> bool:
    """US numbers with area 000, 666 or 9xx, group 00 or serial 0000 are never issued."""
    area, group, serial = digits(value)[:3], digits(value)[3:5], digits(value)[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def iban_length(value: str) -> int:
    """Return how many characters of `value` form a valid IBAN (ISO 13616), or 0."""
    wanted, taken = _IBAN_LENGTHS.get(value[:2], 0), 0
    for position, char in enumerate(value):
        taken += char != " "
        if taken == wanted:
            return position + 1 if _mod97(value[: position + 1]) else 0
    return 0


def _mod97(value: str) -> bool:
    compact = value.replace(" ", "")
    return int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1


def public_ipv4(value: str) -> bool:
    """Drop addresses that name no machine: unspecified, loopback, masks, broadcast."""
    first = int(value.split(".", 1)[0])
    return first not in (0, 127, 255)


def long_ipv4(value: str) -> bool:
    """Four single digits are more likely a section or version number than an address."""
    return len(value) > len("1.1.1.1")


def ipv6(value: str) -> bool:
    """Tell whether `value` is an IPv6 address with at least three written groups."""
    try:
        IPv6Address(value)
    except AddressValueError:
        return False
    return sum(1 for group in value.split(":") if group) >= 3


def mixed(value: str) -> bool:
    """Tell whether `value` holds both letters and digits, as passwords do and words do not."""
    return any(c.isdigit() for c in value) and any(c.isalpha() for c in value)


def phone_length(value: str) -> bool:
    """ITU-T E.164 allows at most 15 digits; fewer than 8 is no full number."""
    return 8 <= len(digits(value)) <= 15
