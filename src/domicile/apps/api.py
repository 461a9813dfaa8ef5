"""The all-in-one API: every route of both planes on one application, and how handlers are given what they ask for."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Any

from litestar import Litestar
from litestar.params import SkipValidation
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.types import ASGIApp

from domicile.apps.node import Node, open_node
from domicile.apps.routes import API_ROUTES, page_routes
from domicile.apps.worker import working
from domicile.identity.sessions.service import authenticate_session, is_session_token
from domicile.infra.settings import Settings
from domicile.kernel.callers import Caller, Person
from domicile.kernel.clock import Clock, utc_now
from domicile.kernel.errors import DomainError, unauthenticated
from domicile.region.access.lean import LeanAnswers
from domicile.region.entering.door import refuse_outside
from domicile.region.plane import RegionPlane
from domicile.web.edge import Edge
from domicile.web.problems import respond, respond_to_bug, respond_to_framework
from domicile.web.requests import DomicileRequest, bearer_of, origin_of, provide_origin, provide_request_key
from domicile.web.versions import provide_expected

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
        dependencies=_dependencies(node),
        exception_handlers={
            DomainError: respond,
            HTTPException: respond_to_framework,
            Exception: respond_to_bug,
        },
        request_max_body_size=_LARGEST_BODY,
        openapi_config=OpenAPIConfig(title="Domicile", version="1", path="/unused", render_plugins=[]),
        state=State({"public_url": node.settings.public_url}),
        logging_config=None,
        debug=False,
    )
    lean = LeanAnswers(node.doors)
    return Edge(
        app,
        public_url=node.settings.public_url,
        gets={"/api/whoami": lean.whoami, "/api/users": lean.users},
        posts={"/api/access/check": lean.check},
    )


def _dependencies(node: Node) -> dict[str, Any]:
    doors, identity, regions = node.doors, node.identity, node.doors.regions

    async def person(request: DomicileRequest) -> Person:
        scheme, credential = bearer_of(request.scope)
        if scheme != "bearer" or not is_session_token(credential):
            raise unauthenticated(
                "session-ended", "Sign in first: POST /api/sessions gives the token to use here."
            )
        return await authenticate_session(identity, credential, origin_of(request.scope))

    async def anyone(request: DomicileRequest) -> Person | Caller:
        scheme, credential = bearer_of(request.scope)
        origin = origin_of(request.scope)
        if scheme == "apikey":
            return await doors.from_api_key(credential, origin)
        if scheme != "bearer":
            raise unauthenticated(
                "not-authenticated", "Send Authorization: ApiKey <id>:<secret>, or Bearer <token>."
            )
        if is_session_token(credential):
            return await authenticate_session(identity, credential, origin)
        return await doors.from_account_token(credential, origin)

    async def caller(request: DomicileRequest) -> Caller:
        who = await anyone(request)
        named: str | None = request.path_params.get("account_id")
        if isinstance(who, Person):
            if named is None:
                refuse_outside()
            door, account = await doors.door_for(who, named)
            return await door.from_person(who, account)
        doors.check_scope(who, named)
        return who

    async def plane(caller: SkipValidation[Caller]) -> RegionPlane:
        return regions.plane(caller.region)

    def known(value: object) -> Provide:
        return Provide(lambda: value, sync_to_thread=False, use_cache=True)

    return {
        "person": Provide(person),
        "anyone": Provide(anyone),
        "caller": Provide(caller),
        "plane": Provide(plane),
        "doors": known(doors),
        "regions": known(regions),
        "identity": known(identity),
        "cursors": known(node.cursors),
        "origin": Provide(provide_origin),
        "request_key": Provide(provide_request_key),
        "expected": Provide(provide_expected),
    }
