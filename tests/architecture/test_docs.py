"""The documents say what the code says: problems, tables, links, commands, decisions."""

import ast
import json
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from docs.tables import DOCS, SRC, refresh, requirements
from domicile.apps.cli.program import build_app
from domicile.kernel.errors import ErrorKind
from domicile.kernel.permissions import Rule
from domicile.web.problems import CODES
from tests.architecture.sources import ROOT, all_sources

PAGES = sorted([*ROOT.glob("*.md"), *(path for path in DOCS.rglob("*.md") if "site" not in path.parts)])
PROBLEMS = sorted((DOCS / "problems").glob("*.md"))
DECISIONS = sorted((DOCS / "adr").glob("[0-9]*.md"))

STATUSES = {
    ErrorKind.INVALID: 400,
    ErrorKind.UNAUTHENTICATED: 401,
    ErrorKind.FORBIDDEN: 403,
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.CONFLICT: 409,
    ErrorKind.STALE: 412,
    ErrorKind.ELSEWHERE: 421,
    ErrorKind.OVERLOADED: 429,
    ErrorKind.UNAVAILABLE: 503,
}
MAKERS = {
    "conflict": ErrorKind.CONFLICT,
    "forbidden": ErrorKind.FORBIDDEN,
    "unauthenticated": ErrorKind.UNAUTHENTICATED,
}
# HTTP has statuses for these that no kind of error of ours stands for.
STATUSES_OF_THE_EDGE = {"body-too-large": 413, "internal-error": 500, "method-not-allowed": 405}

_FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_SHELL = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`[^`]*`")
_MARKER = re.compile(r"^\s*(?:[-*>]|\d+\.) ")
_TWO_SENTENCES = re.compile(r"[a-z0-9)`][.?!] [A-Z`\"*]")
_COMMAND = re.compile(r"(?<![\w/.-])domicile ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?")


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def pages(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", paths, ids=lambda page: str(page.relative_to(ROOT)))


def test_every_requirement_says_once_how_it_is_met_and_names_tests_that_are_there() -> None:
    asked = requirements()
    names = [(each["standard"], each["id"]) for each in asked]
    assert len(set(names)) == len(names)
    for each in asked:
        assert each["met"] in {"yes", "partly", "no", "does not apply"}, each
        assert bool(each.get("why")) == (each["met"] != "yes"), each
        assert bool(each.get("where")) == bool(each.get("tests")) == (each["met"] in {"yes", "partly"}), each
        assert {_exists(test) for test in each.get("tests", ())} <= {True}, each


def _exists(test: str) -> bool:
    path, _, name = test.partition("::")
    return any(
        getattr(node, "name", None) == name for node in ast.walk(ast.parse(read(ROOT / "tests" / path)))
    )


def test_the_list_of_requirements_leaves_no_number_of_a_chapter_out_and_keeps_their_order() -> None:
    chapters = groupby(requirements(), key=lambda each: each["standard"])
    numbers = {standard: [each["id"] for each in rows] for standard, rows in chapters if "ASVS" in standard}
    assert [len(found) for found in numbers.values()] == [47, 19, 7]
    for standard, found in numbers.items():
        sections = groupby(found, key=lambda number: number.rpartition(".")[0])
        counted = [
            f"{standard[-1]}.{section}.{number}"
            for section, (_, rows) in enumerate(sections, 1)
            for number, _ in enumerate(rows, 1)
        ]
        assert found == counted


def test_every_module_and_every_setting_that_a_requirement_names_is_there() -> None:
    described = read(DOCS / "run-it.md")
    for each in requirements():
        for named in _CODE.findall(f"{each.get('where', '')} {each.get('why', '')}"):
            name = named.strip("`")
            if re.fullmatch(r"(?:identity|infra|region|web|kernel)/[a-z_/]+(?:\.py)?", name):
                assert (SRC / "domicile" / name).exists(), each
            elif re.fullmatch(r"(?:passwords|sessions|passkeys|throttling)\.[a-z_]+", name):
                assert f"| `{name}` |" in described, each


def raised_problems() -> Iterator[tuple[str, int, str]]:
    """Find each code that is raised literally, with the status of its kind, and where."""
    for source in all_sources():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and (found := _problem_of(node)):
                yield *found, f"{source.path}:{node.lineno}"


def _problem_of(call: ast.Call) -> tuple[str, int] | None:
    match call:
        case ast.Call(
            func=ast.Name("DomainError"), args=[ast.Attribute(attr=kind), ast.Constant(str(code)), *_]
        ):
            return code, STATUSES[ErrorKind[kind]]
        case ast.Call(func=ast.Name(maker), args=[ast.Constant(str(code)), *_]) if maker in MAKERS:
            return code, STATUSES[MAKERS[maker]]
        case _:
            return None


def test_every_problem_has_a_page_and_every_page_a_problem():
    assert {page.stem for page in PROBLEMS} == set(CODES)


def test_every_code_that_is_raised_is_known_with_the_status_it_is_answered_with():
    wrong = [
        f"{place}: {code} is raised for {status} and listed as {CODES.get(code)}"
        for code, status, place in raised_problems()
        if CODES.get(code) != STATUSES_OF_THE_EDGE.get(code, status)
    ]

    assert not wrong, "\n".join(wrong)


def test_the_codes_that_are_raised_are_found():
    assert {"not-permitted", "password-wrong", "too-busy"} <= {code for code, *_ in raised_problems()}


@pages(PROBLEMS)
def test_a_problem_says_what_it_is_and_shows_a_body(page: Path):
    text = read(page)
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    example = json.loads(text.partition("```json\n")[2].partition("```")[0])

    assert text.startswith("# ")
    assert f"`{page.stem}` · {CODES[page.stem]} {example['title']}" in text
    assert headings == ["What it means", "Why it happens", "What to do", "Example"]
    assert example["status"] == CODES[page.stem]
    assert example["type"].endswith(f"/problems/{page.stem}")
    assert example["detail"] == example["message"]
    assert isinstance(example["fields"], dict)
    assert not _LINK.search(text), (
        "the server shows this page at another address, where links would lead nowhere"
    )


@pages([page for page in PAGES if "<!-- table: " in read(page)])
def test_a_table_is_what_the_code_says(page: Path):
    assert refresh(read(page)) == read(page), "run `make docs`"


@pages(PAGES)
def test_every_link_leads_somewhere(page: Path):
    broken = [link for link in _LINK.findall(_FENCE.sub("", read(page))) if not _leads_somewhere(page, link)]

    assert not broken


def _leads_somewhere(page: Path, link: str) -> bool:
    if link.startswith(("http://", "https://")):
        return True
    path, _, anchor = link.partition("#")
    target = (page.parent / path) if path else page
    if not target.exists() or not target.resolve().is_relative_to(ROOT):
        return False
    return not anchor or anchor in {
        _anchor(heading) for heading in re.findall(r"^#+ (.+)$", read(target), re.MULTILINE)
    }


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pages(PAGES)
def test_prose_has_one_sentence_a_line(page: Path):
    lines = _FENCE.sub("", read(page)).splitlines()
    prose = [line for line in lines if not line.startswith(("|", "#", "<!--"))]

    assert [line for line in prose if _TWO_SENTENCES.search(_CODE.sub("`", _MARKER.sub("", line)))] == []


@pages(PAGES)
def test_every_command_that_is_named_exists(page: Path):
    text = "\n".join(_SHELL.findall(read(page))) + "\n".join(re.findall(r"`(domicile [^`]+)`", read(page)))
    named = _COMMAND.findall(text)

    assert [words for words in named if not _is_command(*words)] == []


def _is_command(name: str, inner: str) -> bool:
    app = build_app()
    if name not in list(app):
        return False
    known = [word for word in app[name] if not word.startswith("-")]
    return not inner or not known or inner in known


@pages(PAGES)
def test_every_target_that_is_named_exists(page: Path):
    targets = set(re.findall(r"^([a-z-]+):.*##", read(ROOT / "Makefile"), re.MULTILINE))
    named = re.findall(r"(?:^|`)make ([a-z-]+)", read(page), re.MULTILINE)

    assert [target for target in named if target not in targets] == []


@pages(DECISIONS)
def test_a_decision_has_its_parts_and_names_its_check(page: Path):
    text = read(page)
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    files = [
        path for path in re.findall(r"`((?:src|tests|migrations)/[^`]+)`", text) if not (ROOT / path).exists()
    ]

    assert re.match(rf"# {page.stem[:4]}\. .+\n\n\d{{4}}-\d\d-\d\d · (accepted|superseded by .+)\n", text)
    assert headings == ["Context", "Decision", "Consequences", "Alternatives", "References"]
    assert "The price: " in text
    assert "Checked by " in text
    assert files == []


def test_decisions_are_numbered_in_order_and_all_in_the_index():
    index = re.findall(r"\]\(([0-9][^)]+)\)", read(DOCS / "adr" / "README.md"))

    assert [page.name for page in DECISIONS] == index
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_the_claims_of_an_account_token_are_all_told():
    told = re.findall(r"^\| ((?:`[a-z_]+`(?:, )?)+) \|", read(DOCS / "integrate-a-service.md"), re.MULTILINE)

    assert {name for cell in told for name in re.findall(r"`([a-z_]+)`", cell)} == {
        "iss",
        "aud",
    } | _signed_claims()


def _signed_claims() -> set[str]:
    tree = ast.parse(read(SRC / "domicile/region/entering/door.py"))
    (claims,) = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "_claims"
    ]
    (made,) = [node for node in claims.body if isinstance(node, ast.Return)]
    assert isinstance(made.value, ast.Dict)
    return {
        key.value for key in made.value.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }


def test_the_rules_of_a_decision_are_all_told():
    told = re.findall(r"^\| `([a-z]+(?:-[a-z]+)+)` \|", read(DOCS / "integrate-a-service.md"), re.MULTILINE)

    assert told == _rules()


def _rules() -> list[str]:

    return [rule.value for rule in Rule]


def test_the_events_of_the_log_are_all_told():
    written = {
        node.args[0].value
        for source in all_sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "_log"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    told = re.findall(
        r"^\| `([a-z_-]+)` \| (?:error|warning|info) \|", read(DOCS / "operate.md"), re.MULTILINE
    )

    assert set(told) == written
