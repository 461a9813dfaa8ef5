"""Nothing grows past what one can read in one go, and every module says what it is for."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import EXAMPLE, SDK, SRC, Function, Rule, Source, all_sources

MODULE_LINES = 600
FUNCTION_LINES = 60
MEANINGLESS_NAMES = {"base", "common", "helper", "helpers", "misc", "shared", "util", "utils"}

# Heavy parts load when they are used, so that the command line answers at once.
LOADED_WHEN_USED = {
    *(
        "alembic",
        "httpx2",
        "jsonpatch",
        "jsonschema_rs",
        "markdown_it",
        "mjml",
        "passlib",
        "rich",
        "segno",
        "uvicorn",
        "uvloop",
        "webauthn",
        "zxcvbn",
    ),
}
# Composition roots choose what to load by the command that was given.
ROOMS_THAT_CHOOSE = {"apps"}


def long_modules(source: Source) -> Iterator[str]:
    lines = len(source.text.splitlines())
    if lines > MODULE_LINES:
        yield f"{source.path} has {lines} lines; {MODULE_LINES} at most"


def long_functions(source: Source) -> Iterator[str]:
    for function in source.functions():
        lines = _lines_without_docstring(function)
        if lines > FUNCTION_LINES:
            yield f"{source.path}:{function.lineno} {function.name} has {lines} lines; {FUNCTION_LINES} at most"


def meaningless_names(source: Source) -> Iterator[str]:
    for part in source.path.with_suffix("").parts:
        if part.strip("_") in MEANINGLESS_NAMES:
            yield f"{source.path}: `{part}` does not say what is in it"


def missing_docstrings(source: Source) -> Iterator[str]:
    if source.text.strip() and not ast.get_docstring(source.tree):
        yield f"{source.path} does not say in one sentence what it is for"


def late_imports(source: Source) -> Iterator[str]:
    for found in source.imports():
        chosen = found.vendor == "domicile" and source.room in ROOMS_THAT_CHOOSE
        if found.function and found.vendor not in LOADED_WHEN_USED and not chosen:
            yield f"{source.path}:{found.line} {found.function} imports {found.module}, which belongs at the top"


RULES = [long_modules, long_functions, meaningless_names, missing_docstrings, late_imports]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("root", [SRC, SDK, EXAMPLE], ids=["server", "sdk", "example"])
def test_every_module_keeps_the_rule(root: Path, rule: Rule):
    findings = [finding for source in all_sources(root) for finding in rule(source)]

    assert not findings, "\n".join(findings)


BREACHES = [
    (long_modules, "domicile/kernel/ids.py", "x = 1\n" * (MODULE_LINES + 1)),
    (long_functions, "domicile/kernel/ids.py", "def f():\n" + "    x = 1\n" * FUNCTION_LINES),
    (meaningless_names, "domicile/web/utils.py", ""),
    (meaningless_names, "domicile/common/ids.py", ""),
    (missing_docstrings, "domicile/kernel/ids.py", "x = 1\n"),
    (late_imports, "domicile/kernel/ids.py", "def f():\n    import json\n"),
    (
        late_imports,
        "domicile/region/access/service.py",
        "def f():\n    if 1:\n        from domicile.kernel import ids\n",
    ),
]


@pytest.mark.parametrize(("rule", "path", "text"), BREACHES)
def test_a_breach_is_found(rule: Rule, path: str, text: str):
    assert len(list(rule(Source(Path(path), text)))) == 1


def test_a_docstring_does_not_count_towards_the_length_of_its_function():
    text = 'def f():\n    """Say.\n' + "\n    More.\n" * FUNCTION_LINES + '    """\n    return 1\n'

    assert list(long_functions(Source(Path("domicile/kernel/ids.py"), text))) == []


def _lines_without_docstring(function: Function) -> int:
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function):
        docstring = function.body[0]
        lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return lines
