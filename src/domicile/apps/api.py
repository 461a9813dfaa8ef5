"""The all-in-one API: every route of both planes on one application, and how handlers are given what they ask for."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Any

from litestar import Litestar, Request, Router
from litestar.datastructures import State
from litestar.exceptions import HTTPException, NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.types import ASGIApp

from domicile.apps.node import Node, open_node
from domicile.apps.recognition import dependencies_of
from domicile.apps.routes import API_ROUTES, error_pages, page_routes
from domicile.apps.worker import working
from domicile.infra.settings import Settings
from domicile.kernel.clock import Clock, utc_now
from domicile.kernel.errors import DomainError
from domicile.region.access.lean import LeanAnswers
from domicile.web.edge import Edge
from domicile.web.problems import respond, respond_to_bug
from domicile.web.requests import DomicileRequest

_LARGEST_BODY = 1_000_000


@contextlib.asynccontextmanager
async def running(settings: Settings, clock: Clock = utc_now) -> AsyncGenerator[tuple[ASGIApp, Node]]:
    """Open a node and its API, with the background work going on, until the end of the body."""
    node = await open_node(settings, clock)
    try:
        async with working(node):
            yield make_api(node), node
    finally:
        await node.close()


def make_api(node: Node) -> ASGIApp:
    """Assemble the application of a node."""
    app = Litestar(
        route_handlers=[*API_ROUTES, *page_routes(node)],
        request_class=DomicileRequest,
        dependencies=dependencies_of(node),
        exception_handlers={
            DomainError: respond,
            HTTPException: error_pages(node).respond_to_unrouted,
            Exception: respond_to_bug,
        },
        request_max_body_size=_LARGEST_BODY,
        openapi_config=OpenAPIConfig(
            title="Domicile", version="1", render_plugins=[], openapi_router=_unserved_document()
        ),
        state=State({"public_url": node.settings.public_url}),
        logging_config=None,
        debug=False,
    )
    lean = LeanAnswers(node.doors, node.settings.catalogue().guards)
    return Edge(
        app,
        public_url=node.settings.public_url,
        gets={"/api/whoami": lean.whoami, "/api/users": lean.users},
        posts={"/api/access/check": lean.check},
        forward=lean.forward,
    )


def _unserved_document() -> Router:
    """Hide the framework's own document: ours, made from it, is served at `/openapi.json`."""

    def refuse(_request: Request[Any, Any, Any]) -> None:
        raise NotFoundException

    return Router("/framework-document", route_handlers=[], include_in_schema=False, before_request=refuse)
