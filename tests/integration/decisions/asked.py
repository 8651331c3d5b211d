"""Questions as the tests put them, and the shape that every answer has."""

from __future__ import annotations

from typing import Any


def subject(account: str = "holder") -> dict[str, Any]:
    return {"type": "person", "id": account}


def resource(slug: str = "voices", **properties: Any) -> dict[str, Any]:
    named = {"type": "dataset", "id": slug}
    return named | {"properties": properties} if properties else named


def action(name: str = "download") -> dict[str, Any]:
    return {"name": name}


def question(account: str = "holder", slug: str = "voices", name: str = "download") -> Any:
    return {"subject": subject(account), "resource": resource(slug), "action": action(name)}


def without(body: dict[str, Any], *path: str) -> dict[str, Any]:
    """The same body with one name left out."""
    name, *rest = path
    if rest:
        return body | {name: without(body[name], *rest)}
    return {key: value for key, value in body.items() if key != name}


def decision(answer: Any) -> dict[str, Any]:
    """The body of an answer that has the shape of the standard."""
    assert (answer.status_code, answer.mimetype) == (200, "application/json"), answer.text
    return shaped(answer.json)


def shaped(body: dict[str, Any]) -> dict[str, Any]:
    assert isinstance(body["decision"], bool)
    assert isinstance(body.get("context", {}), dict)
    return body


def decisions(answer: Any) -> list[dict[str, Any]]:
    """The answers of a list of questions."""
    assert answer.status_code == 200, answer.text
    assert "decision" not in answer.json
    return [shaped(each) for each in answer.json["evaluations"]]


def results(answer: Any) -> list[dict[str, str]]:
    """What a search found; its page says how to go on."""
    assert (answer.status_code, answer.mimetype) == (200, "application/json"), answer.text
    assert isinstance(answer.json["page"]["next_token"], str)
    return list(answer.json["results"])
