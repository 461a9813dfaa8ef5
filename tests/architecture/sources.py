"""The project's modules as syntax trees, for rules to read."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
SDK = ROOT / "sdk" / "src"
EXAMPLE = ROOT / "examples" / "workload_security" / "src"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Import:
    """One name that a module imports."""

    module: str
    """Where from."""
    name: str
    """What; empty where the module itself is imported."""
    line: int
    function: str
    """The function that it stands in; empty at the top of the module."""

    @property
    def vendor(self) -> str:
        return self.module.partition(".")[0]


@dataclass(frozen=True)
class Source:
    """One module."""

    path: Path
    """From `src`, `sdk/src` or the example's, such as `domicile/kernel/ids.py`."""
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    @property
    def room(self) -> str:
        """The package below `domicile`, such as `kernel`."""
        return self.path.parts[1] if len(self.path.parts) > 2 else ""

    def functions(self) -> Iterator[Function]:
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node

    def imports(self) -> Iterator[Import]:
        yield from _imports(self.tree, function="")


Rule = Callable[[Source], Iterator[str]]
"""Reads a module and gives its breaches, one sentence each."""


def all_sources(root: Path = SRC) -> list[Source]:
    return [
        Source(path.relative_to(root), path.read_text(encoding="utf-8"))
        for path in sorted(root.rglob("*.py"))
    ]


def _imports(node: ast.AST, *, function: str) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import():
                for alias in child.names:
                    yield Import(alias.name, "", child.lineno, function)
            case ast.ImportFrom():
                for alias in child.names:
                    yield Import(child.module or "", alias.name, child.lineno, function)
            case _:
                inside = child.name if isinstance(child, Function) else function
                yield from _imports(child, function=inside)
