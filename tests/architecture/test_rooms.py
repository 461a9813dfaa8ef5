"""What may be known where: the standard library, vendors, engines and SQL each have their rooms."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import EXAMPLE, SDK, Rule, Source, all_sources

# Rules of a standard, without files or sockets, that a domain would otherwise write by hand.
PURE_LIBRARIES = {"email_validator"}

SQL_WORDS = {"delete", "exists", "func", "insert", "select", "text", "union", "union_all", "update"}
ENGINE_WORDS = {
    "create_engine",
    "create_async_engine",
    "AsyncConnection",
    "AsyncEngine",
    "Connection",
    "Engine",
}
ENGINE_MODULES = ("sqlalchemy.engine", "sqlalchemy.ext.asyncio", "sqlalchemy.pool")

IO_LIBRARIES = {"asyncio", "http", "httpx2", "select", "socket", "subprocess", "urllib3"}
STRANGERS = {
    "domicile": {"domicile_sdk", "workload_security"},
    "domicile_sdk": {"domicile", "workload_security"},
    "workload_security": {"domicile"},
}
"""Distribution → what is none of its business; the reference service stands on the SDK alone."""
ROOMS_OF_THE_SDK_WITH_IO = {"guard", "transport", "wsgi"}


def kernel_imports_beyond_the_standard_library(source: Source) -> Iterator[str]:
    if source.room == "kernel":
        for found in source.imports():
            if found.vendor not in sys.stdlib_module_names and not _is_in(found.module, "domicile.kernel"):
                yield f"{source.path}:{found.line} imports {found.module}"


def domain_imports_beyond_the_kernel_and_other_domains(source: Source) -> Iterator[str]:
    if source.path.name == "domain.py":
        for found in source.imports():
            pure = found.vendor in sys.stdlib_module_names or found.vendor in PURE_LIBRARIES
            ours = _is_in(found.module, "domicile.kernel") or _is_domain(found.module)
            if not pure and not ours:
                yield f"{source.path}:{found.line} imports {found.module}"


def sql_outside_stores(source: Source) -> Iterator[str]:
    if source.room != "infra" and source.path.name != "store.py":
        for found in source.imports():
            if found.vendor == "sqlalchemy" and (found.name in SQL_WORDS or not found.name):
                yield f"{source.path}:{found.line} imports {found.name or found.module} of SQLAlchemy"


def engines_outside_infra(source: Source) -> Iterator[str]:
    if source.room != "infra":
        for found in source.imports():
            engine = found.name in ENGINE_WORDS or found.module.startswith(ENGINE_MODULES)
            if found.vendor == "sqlalchemy" and engine:
                yield f"{source.path}:{found.line} imports {found.module}.{found.name}"


def what_is_handed_out_apart_but_needs_each_other(source: Source) -> Iterator[str]:
    for found in source.imports():
        if found.vendor in STRANGERS[source.path.parts[0]]:
            yield f"{source.path}:{found.line} imports {found.module}"


def input_and_output_in_the_core_of_the_sdk(source: Source) -> Iterator[str]:
    if source.path.parts[0] == "domicile_sdk" and source.path.stem not in ROOMS_OF_THE_SDK_WITH_IO:
        for found in source.imports():
            if found.vendor in IO_LIBRARIES:
                yield f"{source.path}:{found.line} imports {found.module}"


RULES = [
    what_is_handed_out_apart_but_needs_each_other,
    input_and_output_in_the_core_of_the_sdk,
    kernel_imports_beyond_the_standard_library,
    domain_imports_beyond_the_kernel_and_other_domains,
    sql_outside_stores,
    engines_outside_infra,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_module_keeps_to_its_room(rule: Rule):
    sources = [*all_sources(), *all_sources(SDK), *all_sources(EXAMPLE)]
    findings = [finding for source in sources for finding in rule(source)]

    assert not findings, "\n".join(findings)


BREACHES = [
    (
        what_is_handed_out_apart_but_needs_each_other,
        "workload_security/app.py",
        "from domicile.kernel import ids\n",
    ),
    (what_is_handed_out_apart_but_needs_each_other, "domicile_sdk/clock.py", "import domicile.kernel\n"),
    (
        what_is_handed_out_apart_but_needs_each_other,
        "domicile/kernel/ids.py",
        "from domicile_sdk import Clock\n",
    ),
    (input_and_output_in_the_core_of_the_sdk, "domicile_sdk/following.py", "import httpx2\n"),
    (kernel_imports_beyond_the_standard_library, "domicile/kernel/ids.py", "import msgspec\n"),
    (
        kernel_imports_beyond_the_standard_library,
        "domicile/kernel/ids.py",
        "from domicile.infra import secrets\n",
    ),
    (
        domain_imports_beyond_the_kernel_and_other_domains,
        "domicile/region/roles/domain.py",
        "from domicile.web import paging\n",
    ),
    (sql_outside_stores, "domicile/region/roles/service.py", "from sqlalchemy import select\n"),
    (sql_outside_stores, "domicile/region/roles/service.py", "import sqlalchemy as sa\n"),
    (
        sql_outside_stores,
        "domicile/region/roles/service.py",
        "from sqlalchemy.dialects.sqlite import insert\n",
    ),
    (
        engines_outside_infra,
        "domicile/region/roles/store.py",
        "from sqlalchemy.ext.asyncio import AsyncConnection\n",
    ),
]


@pytest.mark.parametrize(("rule", "path", "text"), BREACHES)
def test_a_breach_is_found(rule: Rule, path: str, text: str):
    assert len(list(rule(Source(Path(path), text)))) == 1


ALLOWED = [
    (
        what_is_handed_out_apart_but_needs_each_other,
        "domicile_sdk/verifier.py",
        "from domicile_sdk.key_set import KeySet\n",
    ),
    (input_and_output_in_the_core_of_the_sdk, "domicile_sdk/transport.py", "import httpx2\n"),
    (
        kernel_imports_beyond_the_standard_library,
        "domicile/kernel/ids.py",
        "import re\nfrom domicile.kernel import urn\n",
    ),
    (kernel_imports_beyond_the_standard_library, "domicile/infra/ids.py", "import msgspec\n"),
    (sql_outside_stores, "domicile/region/roles/store.py", "from sqlalchemy import select\n"),
    (
        engines_outside_infra,
        "domicile/infra/databases.py",
        "from sqlalchemy.ext.asyncio import AsyncEngine\n",
    ),
]


@pytest.mark.parametrize(("rule", "path", "text"), ALLOWED)
def test_what_is_in_its_room_is_left_alone(rule: Rule, path: str, text: str):
    assert list(rule(Source(Path(path), text))) == []


def _is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _is_domain(module: str) -> bool:
    return module.startswith("domicile.") and module.endswith(".domain")
