"""`sumun audit export`, `verify-bundle` and `open-redacted`: evidence for strangers."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.audit_fsck import opened
from gateway.cli.common import FOUND, Home, emit, fail, home_option, json_option

if TYPE_CHECKING:
    from gateway.evidence.service import Order
    from gateway.runtime import Runtime

_FILE = click.Path(path_type=Path, dir_okay=False)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command()
@click.option("--out", type=_FILE, required=True, help="The ZIP file to write.")
@click.option("--since", "trusted", type=_EXISTING, help="A checkpoint kept from before.")
@click.option("--opened", "open_fields", is_flag=True, help="Add personal fields in the clear.")
@click.option("--person", help="Account, id, token, operator:<uid> or system:worker.")
@click.option("--organisation", help="Name, business number or id.")
@click.option("--dataset", help="Slug.")
@click.option("--item", help="Path of a file.")
@click.option("--action", help="Code; one that ends in a dot stands for all below it.")
@click.option("--outcome", help="success, failure, allow, deny, review or delegated.")
@click.option("--ref", help="Reference, such as grant:<id>.")
@click.option("--from", "from_", help="Day or moment (ISO 8601), included.")
@click.option("--until", help="Day, included, or moment, left out.")
@json_option
@home_option
def export(
    home: Home,
    *,
    out: Path,
    trusted: Path | None,
    open_fields: bool,
    from_: str | None,
    as_json: bool,
    **conditions: str | None,
) -> None:
    """Write an evidence bundle: entries, proofs, and the whole range around them.

    With --since the bundle also proves that the log extends that checkpoint.
    """
    from gateway.cli.audit import _question
    from gateway.evidence.service import export as make
    from gateway.journal import Actor

    question = _question({**conditions, "since": from_})
    note = None if trusted is None else _read(trusted)
    with opened(home) as runtime:
        order = _order(runtime, question, note, open_fields)
        try:
            made = make(runtime, Actor.operator(), order, out.absolute())
        except OSError as error:
            raise fail(f"{out} cannot be written: {error.strerror or error}") from error
    emit(asdict(made), as_json)
    if not made.entries and not as_json:
        from audit.standalone.verify_bundle import none_selected

        said = {"first": made.first, "end": made.end, "pruned": [made.pruned_below]}
        click.echo(none_selected(said))


@click.command("verify-bundle")
@click.argument("bundle", type=_FILE)
@click.option("--key", help="The log's verifier key, from a source you trust.")
@click.option("--since", "trusted", type=_EXISTING, help="A checkpoint you kept.")
@click.option("--open", "keys", type=_EXISTING, help="Keys of redacted entries.")
@json_option
@home_option
@click.pass_context
def verify_bundle(
    context: click.Context,
    bundle: Path,
    *,
    home: Home,
    key: str | None,
    trusted: Path | None,
    keys: Path | None,
    as_json: bool,
) -> None:
    """Verify an evidence bundle; the same as the verify_bundle.py inside it.

    Exit status 0: verified. 1: not verified, with the reason. 2: it could not be read. No home is
    needed, and none is read.
    """
    del home
    from audit.standalone import verify_bundle as standalone

    since = None if trusted is None else _read(trusted)
    try:
        given = {} if keys is None else standalone.read_keys(keys)
        manifest, leaves = standalone.verify(bundle, key, since, given)
    except standalone.NotVerified as error:
        _say({"verified": False, "fault": str(error)}, f"NOT VERIFIED: {error}", as_json)
        context.exit(FOUND)
    except standalone.Unreadable as error:
        raise fail(str(error)) from error
    shown = {str(index): leaf.decode("utf-8", "backslashreplace") for index, leaf in leaves.items()}
    text = standalone.summary(manifest, key is not None)
    plain = {index: standalone.plain(leaf, len(leaf)) for index, leaf in shown.items()}
    lines = [text, *(f"{index} {leaf}" for index, leaf in plain.items())]
    fields = {"verified": True, "key_given": key is not None, "opened": shown}
    left_out = {"members"}
    fields |= {name: value for name, value in manifest.items() if name not in left_out | {"opened"}}
    _say(fields, "\n".join(lines), as_json)


@click.command("open-redacted")
@click.argument("bundle", type=_EXISTING)
@click.argument("indexes", type=click.IntRange(min=0), nargs=-1, required=True)
@click.option("--out", type=_FILE, required=True, help="The file of keys to write.")
@json_option
@home_option
def open_redacted(
    home: Home, bundle: Path, indexes: tuple[int, ...], out: Path, as_json: bool
) -> None:
    """Hand out the keys of redacted entries of a bundle; the log tells of it."""
    from gateway.evidence.service import redaction_keys
    from gateway.journal import Actor

    manifest = _verified(bundle)
    said = manifest["range"]
    outside = [index for index in indexes if not said["first"] <= index < said["end"]]
    if outside:
        raise fail(f"entry {outside[0]} is not in the bundle")
    with opened(home) as runtime:
        if manifest["origin"] != runtime.journal.log.origin:
            raise fail(f"the bundle is of the log {manifest['origin']}")
        keys = redaction_keys(runtime, Actor.operator(), manifest["bundle"], indexes)
    try:
        out.write_text(json.dumps({"bundle": manifest["bundle"], "keys": keys}, indent=2))
    except OSError as error:
        raise fail(f"{out} cannot be written: {error.strerror}") from error
    emit({"bundle": manifest["bundle"], "entries": len(keys), "keys": str(out)}, as_json)


def _order(runtime: Runtime, question: Any, note: str | None, open_fields: bool) -> Order:
    from gateway.evidence.service import Order
    from gateway.oversight.queries import resolve

    with runtime.db.read() as session:
        found = resolve(session, question, runtime.settings.zone)
    people = [found.person_id] if found.person_id else []
    return Order(
        filters=found.filters,
        plain=found.plain(),
        free=found.free(),
        subjects=people,
        trusted=note,
        opened=open_fields,
    )


def _verified(bundle: Path) -> dict[str, Any]:
    from audit.standalone import verify_bundle as standalone

    try:
        return standalone.verify(bundle)[0]
    except (standalone.NotVerified, standalone.Unreadable) as error:
        raise fail(f"{bundle}: {error}") from error


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"{path} cannot be read as text") from error


def _say(fields: dict[str, Any], text: str, as_json: bool) -> None:
    if as_json:
        emit(fields, True)
    else:
        click.echo(text)
