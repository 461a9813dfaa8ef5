"""Makes the tables of the documents from the code, so that none of them can say what is no longer so."""

import ast
import asyncio
import re
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, cast, get_args

import httpx2
import msgspec
from cyclopts import App
from sqlalchemy import MetaData

import domicile.apps.tables as tables_of_all_planes
from docs import wording
from domicile.apps.api import running
from domicile.apps.cli.exits import EXIT_CODES_HELP
from domicile.apps.cli.program import build_app
from domicile.infra import settings
from domicile.infra.planes import DIRECTORY, IDENTITY, NODE_TABLE, REGION
from domicile.kernel.placement import CROSSINGS, DIRECTORY_OWN, Plane
from domicile.kernel.roles import PREDEFINED_ROLES
from domicile.web.problems import CODES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SRC = ROOT / "src"

_BLOCK = re.compile(r"(<!-- table: ([a-z-]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)
_EVENT_TYPE = re.compile(r"audit\.[A-Za-z-]+(?:_[a-z]+)?\.v1")

assert tables_of_all_planes, "imported so that every plane's metadata is whole"


def refresh(text: str) -> str:
    """Give a page's text with each of its tables made anew."""
    return _BLOCK.sub(lambda found: f"{found[1]}\n{make(found[2])}\n\n{found[3]}", text)


def make(name: str) -> str:
    """Make one table by its name."""
    return "\n".join(_MAKERS[name]())


def document() -> dict[str, Any]:
    """Read the published document as a running server gives it."""
    return asyncio.run(_ask_for_document())


def event_types() -> set[str]:
    """Find the types of audit and security events that the code writes."""
    return {
        node.value
        for path in SRC.rglob("*.py")
        if path.name != "schemas.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _EVENT_TYPE.fullmatch(node.value)
    }


def problem_title(code: str) -> str:
    """Read the title of a problem's page."""
    return (
        (DOCS / "problems" / f"{code}.md").read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
    )


async def _ask_for_document() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        async with running(settings.load_settings(None, Path(folder), {})) as (app, _):
            transport = httpx2.ASGITransport(
                cast("Any", app)
            )  # the packages' ASGI types differ in spelling only
            async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8800") as client:
                return msgspec.json.decode((await client.get("/openapi.json")).content)


def _operations() -> Iterator[str]:
    by_tag: dict[str, list[str]] = {}
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            cells = (f"`{method.upper()} {path}`", operation["summary"], *_who_may(operation))
            by_tag.setdefault(operation["tags"][0], []).append(_row(*cells, ", ".join(_codes(operation))))
    heading = list(_heading("Operation", "What it does", "Who may call", "Permission", "Problems of its own"))
    for place, (tag, rows) in enumerate(by_tag.items()):
        yield from ([""] if place else [])
        yield from (f"### {tag}", "", *heading, *sorted(rows, key=_path_of))


def _path_of(row: str) -> str:
    return row.split()[2]


def _who_may(operation: Mapping[str, Any]) -> tuple[str, str]:
    schemes = tuple(name for entry in operation["security"] for name in entry)
    permission = operation.get("x-permission")
    return wording.CALLERS[schemes], f"`{permission}`" if permission else ""


def _codes(operation: Mapping[str, Any]) -> Iterator[str]:
    for status, response in sorted(operation["responses"].items()):
        if int(status) >= 400:
            found = re.findall(r"`([a-z-]+)`", response["description"])
            yield from (f"`{code}`" for code in found if code not in wording.COMMON_PROBLEMS)


def _problems() -> Iterator[str]:
    yield from _heading("Status", "Code", "In words")
    for code, status in sorted(CODES.items(), key=lambda pair: (pair[1], pair[0])):
        yield _row(str(status), f"[`{code}`](problems/{code}.md)", problem_title(code))


def _permissions() -> Iterator[str]:
    roles = list(PREDEFINED_ROLES.values())
    yield from _heading("Permission", *(f"`{role.id}`" for role in roles))
    for permission in sorted(set().union(*(role.permissions for role in roles))):
        yield _row(f"`{permission}`", *("yes" if permission in role.permissions else "no" for role in roles))


def _events() -> Iterator[str]:
    yield from _heading("Type", "Written when")
    for name in sorted(event_types()):
        yield _row(f"`{name}`", wording.EVENTS[name])


def _settings() -> Iterator[str]:
    yield from _heading("Setting", "Default", "Bounds", "What it says")
    for name, default, bounds in _settings_of(settings._File, ""):  # noqa: SLF001  # the file's shape is nobody else's business
        yield _row(f"`{name}`", default, bounds, wording.SETTINGS[name])


def _settings_of(struct: type[msgspec.Struct], prefix: str) -> Iterator[tuple[str, str, str]]:
    for field in msgspec.structs.fields(struct):
        section = _section_of(field.type)
        if section is None:
            yield prefix + field.encode_name, _default_of(field), _bounds_of(field.type)
        else:
            yield from _settings_of(section, f"{field.encode_name}.")


def _section_of(annotation: object) -> type[msgspec.Struct] | None:
    named = (annotation, *get_args(annotation))
    return next((kind for kind in named if isinstance(kind, type) and issubclass(kind, msgspec.Struct)), None)


def _default_of(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = (
        None if field.default is msgspec.NODEFAULT else field.default
    )  # made anew each time: an empty table
    return "empty" if value in ("", (), None) else f"`{msgspec.json.encode(value).decode()}`"


def _bounds_of(annotation: object) -> str:
    kind = msgspec.inspect.type_info(annotation)
    if isinstance(kind, msgspec.inspect.LiteralType):
        return ", ".join(f"`{value}`" for value in kind.values)
    low = getattr(kind, "ge", None)
    above = getattr(kind, "gt", None)
    high = getattr(kind, "le", None)
    start = f"{low}" if low is not None else f"above {above}" if above is not None else ""
    return f"{start} to {high}" if high is not None else ""


def _tables() -> Iterator[str]:
    yield from _heading("Plane", "Table", "Holds", "Key")
    for plane in (IDENTITY, DIRECTORY, REGION):
        yield from _tables_of(plane)


def _tables_of(plane: MetaData) -> Iterator[str]:
    name: str = plane.info["plane"]
    for table in sorted(plane.tables.values(), key=lambda table: table.name):
        place = f"{name}, its machinery" if table.info == NODE_TABLE else name
        key = ", ".join(f"`{column.name}`" for column in table.primary_key)
        yield _row(place, f"`{table.name}`", wording.TABLES[f"{name}.{table.name}"], key)


def _crossings() -> Iterator[str]:
    yield from _heading("From", "To", "Why", "From a discreet region")
    for crossing in CROSSINGS:
        leaves_region = crossing.source.plane is Plane.REGION
        discreet = ("no" if crossing.discreet else "yes") if leaves_region else ""
        yield _row(f"`{crossing.source}`", f"`{crossing.destination}`", crossing.why, discreet)


def _directory_own() -> Iterator[str]:
    yield from _heading("Column", "What it is")
    for own in DIRECTORY_OWN:
        yield _row(f"`{own.place.table}.{own.place.column}`", own.why)


def _commands() -> Iterator[str]:
    yield from _heading("Command", "What it does")
    for words, app in _commands_of(build_app(), "domicile"):
        yield _row(f"`{words}`", (app.help or "").strip().partition("\n")[0])


def _commands_of(app: App, words: str) -> Iterator[tuple[str, App]]:
    told: list[App] = []
    for name in app:
        command = app[name]
        # A command with two names is told by its first.
        if not name.startswith("-") and not any(command is other for other in told):
            told.append(command)
            inner = list(_commands_of(command, f"{words} {name}"))
            yield from inner or [(f"{words} {name}", command)]


def _exit_codes() -> Iterator[str]:
    yield from _heading("Code", "Meaning")
    for code, meaning in re.findall(r"- (\d+): (.+)", EXIT_CODES_HELP):
        yield _row(code, meaning)


def _limits() -> Iterator[str]:
    yield from _heading("What", "Limit", "Said in")
    for what, limit, module in wording.limits():
        yield _row(what, limit, f"`{module}`")


def _heading(*names: str) -> Iterator[str]:
    yield _row(*names)
    yield _row(*("---" for _ in names))


def _row(*cells: str) -> str:
    shown = " | ".join(cell.replace("|", r"\|") for cell in cells)
    return f"| {shown} |"


def requirements() -> list[dict[str, Any]]:
    """Read what the standards ask of signing in, in the order of the file."""
    return tomllib.loads((DOCS / "requirements.toml").read_text(encoding="utf-8"))["requirement"]


def _requirements() -> Iterator[str]:
    for number, (standard, rows) in enumerate(groupby(requirements(), key=lambda each: each["standard"])):
        yield from (*([""] if number else []), f"### {standard}", "")
        yield "| | What is asked for | Met | Where, or why not | Tested by |"
        yield "| --- | --- | --- | --- | --- |"
        yield from map(_requirement, rows)


def _requirement(asked: Mapping[str, Any]) -> str:
    section = f" ({asked['section']})" if "section" in asked else ""
    number = f"{asked['id']}{section}{' ★' if asked.get('level_3') else ''}"
    where = ". ".join(text.rstrip(".") for text in (asked.get("where"), asked.get("why")) if text)
    tests = ", ".join(f"`{test}`" for test in asked.get("tests", ()))
    return f"| {number} | {asked['says']} | {asked['met']} | {where} | {tests} |"


_MAKERS = {
    "operations": _operations,
    "problems": _problems,
    "permissions": _permissions,
    "events": _events,
    "settings": _settings,
    "tables": _tables,
    "crossings": _crossings,
    "directory-own": _directory_own,
    "commands": _commands,
    "exit-codes": _exit_codes,
    "limits": _limits,
    "requirements": _requirements,
}
