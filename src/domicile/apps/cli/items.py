"""Commands about what an account keeps in services: list, show, put, delete, history, diff, roll-back."""

import json
import sys
from collections.abc import Mapping
from difflib import unified_diff
from pathlib import Path
from typing import Annotated, cast
from urllib.parse import quote

from cyclopts import App, Parameter

from domicile.apps.cli.api import Answer, Api, JsonObject, items_of, path_to, refusal, text_of
from domicile.apps.cli.asking import require_consent
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.options import EVERYTHING, IN_USE, AssumeYes, InAccount, Paging
from domicile.apps.cli.output import Column, show_done, show_json, show_list
from domicile.apps.cli.printing import as_text, show_note
from domicile.apps.cli.signed_in import account_api

items = App(name="items")

Where = Annotated[str, Parameter(help="Service and kind, like workload/policies.")]
ItemName = Annotated[str, Parameter(help="Name of the item.")]

_VERSIONS = (
    Column("Version", "version"),
    Column("Action", "action"),
    Column("Time", "time", is_whole=True),
    Column("By", "principalURN", is_whole=True),
)
_COLUMNS = (
    Column("Name", "name", is_whole=True),
    Column("Version", "version"),
    Column("Labels", "labels"),
    Column("Changed", "lastModified", is_whole=True),
)


@items.command(name="list")
def list_items(
    where: Where,
    /,
    *,
    selector: Annotated[
        str | None,
        Parameter(
            name=["--selector", "-l"], help="Choose by labels, like stage=live,!retired or tier in (a,b)."
        ),
    ] = None,
    paging: Paging = EVERYTHING,
    server: InAccount = IN_USE,
) -> None:
    """List the items of one kind."""
    params = None if selector is None else {"selector": selector}
    with account_api(server) as api:
        body = api.collect(_path(where), "items", paging, params=params)
    if not server.json:
        body = body | {"items": [_with_labels(item) for item in items_of(body, "items")]}
    show_list(body, "items", _COLUMNS, server, empty="There is no item of this kind.")


@items.command(name="show")
def show_item(where: Where, name: ItemName, /, *, server: InAccount = IN_USE) -> None:
    """Show one item; what it holds is JSON."""
    with account_api(server) as api:
        answer = api.call("GET", _path(where, name))
    _show(answer, server)


@items.command(name="put")
def put_item(
    where: Where,
    name: ItemName,
    file: Annotated[
        Path,
        Parameter(allow_leading_hyphen=True, help="What it is to hold, as JSON; - reads standard input."),
    ],
    /,
    *,
    label: Annotated[
        list[str] | None,
        Parameter(negative=(), help="A label, like stage=live, in place of those there are; repeatable."),
    ] = None,
    target: Annotated[
        str | None,
        Parameter(
            help="Of a deployment: provider and location of where it is put to work, like aws/ap-northeast-1."
        ),
    ] = None,
    server: InAccount = IN_USE,
) -> None:
    """Make an item, or let the one of this name hold something else."""
    body: dict[str, object] = {"spec": _read(file)}
    if label is not None:
        body["labels"] = dict(_label(each) for each in label)
    if target is not None:
        body["target"] = _target(target)
    with account_api(server) as api:
        answer = _put(api, where, name, body)
    if not server.json:
        show_note("Made." if answer.status == 201 else "Changed.")
    _show(answer, server)


@items.command(name="delete")
def delete_item(
    where: Where, name: ItemName, /, *, yes: AssumeYes = False, server: InAccount = IN_USE
) -> None:
    """Delete an item; its versions stay, and it can be taken back from there."""
    require_consent(f"{where} {name} is deleted.", assume_yes=yes)
    with account_api(server) as api:
        answer = api.call("DELETE", _path(where, name))
    show_done(answer, server, f"{where} {name} is deleted.")


@items.command(name="history")
def list_versions(
    where: Where, name: ItemName, /, *, paging: Paging = EVERYTHING, server: InAccount = IN_USE
) -> None:
    """List the versions of an item, the newest first, and who made them; of a deleted one too."""
    with account_api(server) as api:
        body = api.collect(_path(where, name) + "/versions", "versions", paging)
    show_list(body, "versions", _VERSIONS, server, empty="There is no version.")


@items.command(name="diff")
def show_difference(
    where: Where,
    name: ItemName,
    /,
    *,
    before: Annotated[int | None, Parameter(help="A version; without it: the one before the other.")] = None,
    after: Annotated[int | None, Parameter(help="A later version; without it: the newest.")] = None,
    server: InAccount = IN_USE,
) -> None:
    """Show what changed between two versions of an item."""
    sides = {"before": before, "after": after}
    with account_api(server) as api:
        path = _path(where, name)
        answer = api.call(
            "GET",
            f"{path}/diff",
            params={side: number for side, number in sides.items() if number is not None},
        )
        if server.json:
            show_json(answer)
            return
        told = answer.body()
        older, newer = (_text_of_version(api, path, told[side]) for side in sides)
    former, latter = (f"version {told[side]}" for side in sides)
    for line in unified_diff(older, newer, former, latter, lineterm=""):
        print(as_text(line))


@items.command(name="rollback")
def roll_back(
    where: Where,
    name: ItemName,
    version: Annotated[int, Parameter(help="To which it goes back.")],
    /,
    *,
    yes: AssumeYes = False,
    server: InAccount = IN_USE,
) -> None:
    """Let an item hold what it held in a former version, as a new one; an item that was deleted is made again."""
    require_consent(f"{where} {name} goes back to version {version}, as a new version.", assume_yes=yes)
    with account_api(server) as api:
        answer = api.call("POST", _path(where, name) + "/rollback", body={"version": version})
    _show(answer, server)


def _text_of_version(api: Api, path: str, version: object) -> list[str]:
    """Write a version as lines; version 0 is nothing."""
    if not version:
        return []
    held = api.call("GET", f"{path}/versions/{version}").body()
    shown = {part: held[part] for part in ("labels", "target", "spec") if part in held}
    return json.dumps(shown, indent=2, sort_keys=True).splitlines() if shown else []


def _path(where: str, name: str | None = None) -> str:
    service, slash, plural = where.partition("/")
    if not (service and slash and plural) or "/" in plural:
        raise CommandError(Exit.USAGE, f"{where!r} names no kind: say service/kind, like workload/policies.")
    path = path_to("services", service) + f"/{quote(plural, safe='')}"
    return path if name is None else f"{path}/{quote(name, safe='')}"


def _put(api: Api, where: str, name: str, body: Mapping[str, object]) -> Answer:
    """Change the item; where there is none, make it."""
    answer = api.send("POST", _path(where, name), body=body)
    if answer.status == 404:
        answer = api.send("POST", _path(where), body={"name": name, **body})
    if not 200 <= answer.status < 300:
        raise refusal(answer)
    return answer


def _read(file: Path) -> JsonObject:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        read = json.loads(text)
    except OSError as error:
        raise CommandError(Exit.USAGE, f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise CommandError(Exit.USAGE, f"{file} is not JSON.") from None
    if not isinstance(read, dict):
        raise CommandError(Exit.USAGE, f"{file} must be a JSON object.")
    return cast("JsonObject", read)


def _target(text: str) -> dict[str, str]:
    provider, slash, location = text.partition("/")
    if not slash:
        raise CommandError(Exit.USAGE, f"{text!r} is no target: say provider/location.")
    return {"provider": provider, "location": location}


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise CommandError(Exit.USAGE, f"{text!r} is no label: say key=value.")
    return key, value


def _with_labels(item: Mapping[str, object]) -> dict[str, object]:
    labels = cast("Mapping[str, str]", item["labels"])
    return dict(item) | {"labels": ", ".join(f"{key}={value}" for key, value in labels.items())}


def _show(answer: Answer, server: InAccount) -> None:
    if server.json:
        show_json(answer)
        return
    item = _with_labels(answer.body())
    print(f"{as_text(item['name'])}, version {item['version']}, changed {text_of(item, 'lastModified')}")
    if item["labels"]:
        print(f"labels {as_text(item['labels'])}")
    if item.get("target"):
        print(f"target {as_text(item['target'])}")
    if item.get("status"):
        print(f"status {as_text(item['status'])}")
    print(json.dumps(item["spec"], indent=2))
