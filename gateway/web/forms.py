"""Bodies of requests into frozen pydantic models, JSON and forms alike.

Bad input never escapes as ValueError: 400 for what cannot be read, 415 for a type nobody
accepts, 422 naming each field. Pydantic's messages become plain sentences in both languages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sized
from dataclasses import dataclass, field
from typing import Any, Generic, NoReturn, TypeVar, cast, get_origin

from flask import request
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from gateway.errors import Problem, ProblemCode
from gateway.security.shape import halved, texts
from gateway.web.messages import sentence

M = TypeVar("M", bound=BaseModel)
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
# Belongs to the form, not to the model.
ENVELOPE = frozenset({"csrf_token"})
LISTS = (list, tuple, set, frozenset)
WHOLE = ""
# More names than any form has, and as many errors as anybody reads at once.
MOST_NAMES = 500
MOST_ERRORS = 20


@dataclass(frozen=True, slots=True)
class Form:
    """What a person typed, with what is wrong about it, for showing the form again."""

    raw: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    def value(self, name: str, default: Any = "") -> Any:
        """The person's own input of `name`; `default` only on a form that was not sent yet.

        A field that was emptied or a box that was unticked stays so.
        """
        return self.raw.get(name, "" if self.raw or self.errors else default)

    def chosen(self, name: str, option: str) -> bool:
        """Whether `option` is (one of) the input of `name`."""
        given = self.raw.get(name, ())
        return option in ((given,) if isinstance(given, str) else [str(each) for each in given])

    def error(self, name: str) -> str:
        """What is wrong with `name`, or ""."""
        return self.errors.get(name, "")


@dataclass(frozen=True, slots=True)
class Parsed(Generic[M]):
    """The model, or the errors by field together with the raw input."""

    value: M | None
    errors: dict[str, str]
    raw: dict[str, Any]

    @property
    def form(self) -> Form:
        """The same input for a template."""
        return Form(self.raw, self.errors)


def try_parse(model: type[M]) -> Parsed[M]:
    """The body as `model`, or what is wrong with each field, for a page that asks again.

    Raises Problem 400 for a body that cannot be read and 415 for another media type.
    """
    raw, errors = _body(model)
    try:
        value = model.model_validate(raw)
    except ValidationError as error:
        return Parsed(None, _by_field(error) | errors, raw)
    return Parsed(None if errors else value, errors, raw)


def parse(model: type[M]) -> M:
    """The body as `model`. Raises Problem 400, 415, or 422 with `errors: [{field, message}]`."""
    parsed = try_parse(model)
    return parsed.value if parsed.value is not None else invalid(parsed.errors)


def parse_query(model: type[M]) -> M:
    """The query string as `model`. Raises Problem 422 with `errors`."""
    parsed = try_query(model)
    return parsed.value if parsed.value is not None else invalid(parsed.errors)


def try_query(model: type[M]) -> Parsed[M]:
    """The query string as `model`, or what is wrong with each filter; `lang` is left out."""
    raw, errors = _flatten(model, request.args.to_dict(flat=False), ENVELOPE | {"lang"})
    try:
        return Parsed(None if errors else model.model_validate(raw), errors, raw)
    except ValidationError as error:
        return Parsed(None, _by_field(error) | errors, raw)


def invalid(errors: Mapping[str, str]) -> NoReturn:
    """Raise the 422 problem that names each field of `errors` with its sentence."""
    listed = [{"field": name, "message": message} for name, message in errors.items()]
    raise Problem(ProblemCode.VALIDATION_FAILED, errors=listed)


def _body(model: type[BaseModel]) -> tuple[dict[str, Any], dict[str, str]]:
    if request.mimetype == "application/json":
        return _json(request.get_data(cache=True)), {}
    if request.mimetype in FORM_TYPES:
        _few(request.form)
        return _flatten(model, request.form.to_dict(flat=False), ENVELOPE)
    raise Problem(ProblemCode.UNSUPPORTED_MEDIA_TYPE)


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body, object_pairs_hook=_once, parse_constant=_no_constant)
        sound = isinstance(value, dict) and all(map(_storable, texts(value)))
    except (ValueError, RecursionError):
        sound = False
    if not sound:
        raise Problem(
            ProblemCode.BAD_REQUEST,
            "본문은 이름이 겹치지 않는 올바른 JSON 객체여야 합니다.",
            "The body must be one valid JSON object without repeated names.",
        )
    return cast("dict[str, Any]", value)


def _few(names: Sized) -> None:
    """Refuse what has more names than any form, before each gets an answer of its own."""
    if len(names) > MOST_NAMES:
        raise Problem(
            ProblemCode.BAD_REQUEST,
            f"한 번에 {MOST_NAMES}개가 넘는 항목을 보낼 수 없습니다.",
            f"No more than {MOST_NAMES} fields can be sent at once.",
        )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two values for one name: which one counts depends on the reader, so neither does.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("repeated name")
    _few(found)
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _storable(text: str) -> bool:
    """No NUL (PostgreSQL refuses it) and no lone surrogate (UTF-8 cannot carry it)."""
    return "\x00" not in text and not halved(text)


def _flatten(
    model: type[BaseModel], given: Mapping[str, list[str]], ignored: frozenset[str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Lists where the model wants lists, single values elsewhere, empty strings left out."""
    raw: dict[str, Any] = {}
    errors: dict[str, str] = {}
    lists = _list_names(model)
    for name, values in given.items():
        kept = [value.replace("\r\n", "\n") for value in values if value.strip()]
        if name in ignored or not kept:
            continue
        raw[name] = kept if name in lists else kept[-1]
        if name not in lists and len(kept) > 1:
            errors[name] = sentence("repeated")
        elif not all(map(_storable, kept)):
            errors[name] = sentence("control_character")
    return raw, errors


def _list_names(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(
        info.alias or name for name, info in model.model_fields.items() if _is_list(info)
    )


def _is_list(info: FieldInfo) -> bool:
    kind: Any = info.annotation
    return kind in LISTS or get_origin(kind) in LISTS


def _by_field(error: ValidationError) -> dict[str, str]:
    """The first sentence for each field, of the first few errors; an error of the whole model
    stands under ""."""
    found: dict[str, str] = {}
    for each in error.errors(include_url=False, include_input=False)[:MOST_ERRORS]:
        name = ".".join(str(part) for part in each["loc"]) or WHOLE
        found.setdefault(name, sentence(each["type"], each.get("ctx", {})))
    return found
