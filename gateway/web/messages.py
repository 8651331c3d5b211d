"""Plain sentences for what pydantic finds wrong, in the reader's language.

A validator of a model raises `FieldError(ko, en)`; everything else is translated here by
pydantic's error type. An unlisted type gets the general sentence: never a technical message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.web.i18n import language, lazy

GENERAL = lazy("Please check this value.")
SENTENCES: dict[str, Any] = {
    "missing": lazy("Please fill this in."),
    "extra_forbidden": lazy("This field is not known here."),
    "repeated": lazy("This was given more than once."),
    "control_character": lazy("This holds characters that cannot be stored."),
    "string_type": lazy("Please enter text."),
    "string_too_short": lazy("Please write at least %(min_length)s characters."),
    "string_too_long": lazy("Please write at most %(max_length)s characters."),
    "string_pattern_mismatch": lazy("This does not have the expected form."),
    "int_type": lazy("Please enter a whole number."),
    "int_parsing": lazy("Please enter a whole number."),
    "int_from_float": lazy("Please enter a whole number."),
    "int_parsing_size": lazy("This number is too large."),
    "float_type": lazy("Please enter a number."),
    "float_parsing": lazy("Please enter a number."),
    "bool_type": lazy("Please choose yes or no."),
    "bool_parsing": lazy("Please choose yes or no."),
    "greater_than": lazy("This must be greater than %(gt)s."),
    "greater_than_equal": lazy("This must be at least %(ge)s."),
    "less_than": lazy("This must be less than %(lt)s."),
    "less_than_equal": lazy("This must be at most %(le)s."),
    "too_short": lazy("Please choose at least %(min_length)s."),
    "too_long": lazy("Please choose at most %(max_length)s."),
    "enum": lazy("Please choose one of the options."),
    "literal_error": lazy("Please choose one of the options."),
    "uuid_type": lazy("This is not a valid identifier."),
    "uuid_parsing": lazy("This is not a valid identifier."),
    "date_type": lazy("Please enter a date such as 2026-03-31."),
    "date_parsing": lazy("Please enter a date such as 2026-03-31."),
    "date_from_datetime_parsing": lazy("Please enter a date such as 2026-03-31."),
    "datetime_type": lazy("Please enter a date and time such as 2026-03-31T09:00:00+09:00."),
    "datetime_parsing": lazy("Please enter a date and time such as 2026-03-31T09:00:00+09:00."),
    "datetime_from_date_parsing": lazy(
        "Please enter a date and time such as 2026-03-31T09:00:00+09:00."
    ),
    "timezone_aware": lazy("Please add the time zone."),
    "list_type": lazy("Please give a list."),
    "tuple_type": lazy("Please give a list."),
    "dict_type": lazy("Please give an object."),
    "model_type": lazy("Please give an object."),
}


class FieldError(ValueError):
    """What a model's own validator found wrong, in both languages."""

    def __init__(self, ko: str, en: str) -> None:
        super().__init__(en)
        self.ko = ko
        self.en = en


def sentence(kind: str, context: Mapping[str, Any] | None = None) -> str:
    """The sentence for a pydantic error of type `kind` with its `ctx`."""
    context = context or {}
    own = context.get("error")
    if isinstance(own, FieldError):
        return own.ko if language() == "ko" else own.en
    text = str(SENTENCES.get(kind, GENERAL))
    return text % context if "%(" in text else text
