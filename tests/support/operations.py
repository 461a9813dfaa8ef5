"""The operations of a running server, from its own route table and its own document."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domicile.infra.manifests import read_manifest
from domicile.kernel.roles import BUILT_IN
from domicile.web.openapi import list_operations
from domicile.web.operations import Access
from tests.support.api import LiveServer
from tests.support.services import EXAMPLE

CHANGING = frozenset(
    permission
    for service in (*BUILT_IN, read_manifest(EXAMPLE))
    for permission in service.levels["full-access"] - service.levels["read-only"]
)
"""The permissions that full access has and read-only lacks."""


@dataclass(frozen=True)
class Operation:
    """One operation: where it is, who may call it, and an example of its body."""

    method: str
    path: str
    access: Access
    permission: str | None
    is_creation: bool
    example: dict[str, Any] | None
    published: dict[str, Any]
    """Its entry in the document."""

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)

    def at(self, ids: Mapping[str, str]) -> str:
        """Fill the path in."""
        return self.path.format(**ids)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def operations_of(server: LiveServer) -> list[Operation]:
    """List every operation of the route table, completed from the document that the server publishes."""
    document = server.anyone.call("GET", "/openapi.json")
    return list(_operations(server, document))


def _operations(server: LiveServer, document: dict[str, Any]) -> Iterator[Operation]:
    for path, method, handler in list_operations(server.app):
        published = document["paths"][path or "/"][method.lower()]
        body = published.get("requestBody", {}).get("content", {}).get("application/json", {})
        opt = handler.opt
        # Of what is kept in services the permission follows from the kind.
        permission = opt["permission"] and opt["permission"].format(service="workload", kind="policy")
        yield Operation(
            method, path, opt["access"], permission, opt["is_creation"], body.get("example"), published
        )
