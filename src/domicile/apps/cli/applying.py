"""The command that brings what an account keeps in services to what files say: the plan first, then all of it or nothing."""

import json
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, cast

from cyclopts import App, Parameter

from domicile.apps.cli.api import Answer, Api, JsonObject, items_of, object_of, refusal, text_of
from domicile.apps.cli.asking import require_consent
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.options import IN_USE, AssumeYes, InAccount
from domicile.apps.cli.output import show_json
from domicile.apps.cli.printing import as_text
from domicile.apps.cli.signed_in import account_api

apply = App(name="apply")

_MOST: Final = 200
_LONGEST_VALUE: Final = 100
_SIGNS: Final = {"create": "+", "update": "~", "unchanged": "="}
_OPERATIONS: Final = {"add": "+", "remove": "-", "replace": "~", "move": ">"}


@dataclass(frozen=True)
class _Wish:
    """One item as a file says it."""

    file: Path
    body: JsonObject


@apply.default
def apply_files(
    *,
    file: Annotated[
        list[Path],
        Parameter(
            name=["--file", "-f"],
            negative=(),
            help="A .json or .toml file, or a folder of them; each holds an item, or a list items. Repeatable.",
        ),
    ],
    dry_run: Annotated[bool, Parameter(negative=(), help="Show the plan and end.")] = False,
    yes: AssumeYes = False,
    server: InAccount = IN_USE,
) -> None:
    """Make and change items so that they hold what files say: shows the plan, asks, then does all of it or nothing.

    An item says service, kind, name, spec, and if it has them labels and target. Items that no file names stay as they are.
    """
    wishes = [wish for path in file for wish in _read(path)]
    if not 0 < len(wishes) <= _MOST:
        raise CommandError(
            Exit.USAGE, f"The files hold {len(wishes)} items: 1 to {_MOST} can be applied at once."
        )
    with account_api(server) as api:
        planned = _send(api, wishes, [wish.body for wish in wishes], dry_run=True)
        results = items_of(planned.body(), "results")
        if not server.json:
            _show_plan(results)
        if dry_run or all(result["outcome"] == "unchanged" for result in results):
            if server.json:
                show_json(planned)
            return
        require_consent("This is the plan.", assume_yes=yes)
        bodies = [
            wish.body | {"version": _version_before(result)}
            for wish, result in zip(wishes, results, strict=True)
        ]
        done = _send(api, wishes, bodies, dry_run=False)
    if server.json:
        show_json(done)
    else:
        print("Done.")


def _send(api: Api, wishes: Sequence[_Wish], bodies: Sequence[JsonObject], *, dry_run: bool) -> Answer:
    params = {"dryRun": "true"} if dry_run else None
    answer = api.send("POST", "/items/apply", params=params, body={"items": list(bodies)})
    if 200 <= answer.status < 300:
        return answer
    if answer.status == 400:
        message = "The files hold what cannot be applied: nothing was changed."
        raise CommandError(Exit.REFUSED, message, _by_file(answer, wishes))
    raise refusal(answer)


def _by_file(answer: Answer, wishes: Sequence[_Wish]) -> list[str]:
    """Say of each fault in which file it is."""
    told: list[str] = []
    for pointer, reason in object_of(answer.body(), "fields").items():
        _, _, rest = pointer.partition("/items/")
        index, slash, inside = rest.partition("/")
        if index.isdigit() and int(index) < len(wishes):
            wish = wishes[int(index)]
            told.append(
                f"{wish.file}: {as_text(wish.body.get('name'))}: {slash}{inside} {reason}".replace(
                    ":  ", ": "
                )
            )
        else:
            told.append(f"{pointer} {reason}")
    return told


def _version_before(result: JsonObject) -> int:
    version = cast("int", result["version"])
    return {"create": 0, "update": version - 1}.get(text_of(result, "outcome"), version)


def _show_plan(results: Sequence[JsonObject]) -> None:
    for result in results:
        outcome = text_of(result, "outcome")
        if outcome == "unchanged":
            continue
        print(f"{_SIGNS[outcome]} {_name_of(result)}")
        for operation in items_of(result, "patch"):
            print(f"    {_line_of(operation)}")
    counts = Counter(text_of(result, "outcome") for result in results)
    print(f"{counts['create']} to make, {counts['update']} to change, {counts['unchanged']} as they are.")


def _name_of(result: JsonObject) -> str:
    return as_text(f"{result['service']}/{result['kind']} {result['name']}")


def _line_of(operation: Mapping[str, object]) -> str:
    sign = _OPERATIONS.get(str(operation["op"]), str(operation["op"]))
    line = f"{sign} {as_text(operation['path'])}"
    if "from" in operation:
        return f"{line} from {as_text(operation['from'])}"
    if "value" not in operation:
        return line
    value = json.dumps(operation["value"])
    return f"{line}: {value if len(value) <= _LONGEST_VALUE else value[:_LONGEST_VALUE] + ' ...'}"


def _read(path: Path) -> Iterator[_Wish]:
    if path.is_dir():
        files = sorted(
            each for each in path.rglob("*") if each.suffix in {".json", ".toml"} and each.is_file()
        )
        if not files:
            raise CommandError(Exit.USAGE, f"There is no .json or .toml file in {path}.")
        for each in files:
            yield from _read(each)
        return
    document = _parse(path)
    listed = document.get("items", [document])
    if not isinstance(listed, list) or not all(
        isinstance(each, dict) for each in cast("list[object]", listed)
    ):
        raise CommandError(Exit.USAGE, f"{path}: items must be a list of objects.")
    for each in cast("list[JsonObject]", listed):
        yield _Wish(path, each)


def _parse(path: Path) -> JsonObject:
    try:
        text = path.read_text(encoding="utf-8")
        # A moment of TOML is text in JSON.
        document = json.loads(
            json.dumps(tomllib.loads(text), default=str) if path.suffix == ".toml" else text
        )
    except OSError as error:
        raise CommandError(Exit.USAGE, f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        form = "TOML" if path.suffix == ".toml" else "JSON"
        raise CommandError(Exit.USAGE, f"{path} is not {form}: {error}") from None
    if not isinstance(document, dict):
        raise CommandError(Exit.USAGE, f"{path} must hold an object.")
    return cast("JsonObject", document)
