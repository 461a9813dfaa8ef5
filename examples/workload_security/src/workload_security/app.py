"""Puts the service together: one application for each region below `/<region>`, and before them what belongs to no region."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from litestar import Litestar, Request, get, post
from litestar.di import Provide

from domicile_sdk import Problem, Unreachable
from domicile_sdk.asgi import App, DomicileMiddleware, Receive, Scope, Send
from domicile_sdk.lifecycle import MessageRefused
from workload_security import agents_api, console, moved, people_api
from workload_security.problem import HANDLERS, ServiceProblem
from workload_security.region import ServedRegion
from workload_security.settings import Settings

_LARGEST_BODY_BYTES = 512 * 1024


def build_app(settings: Settings) -> App:
    """Build the service for every region of which it has the webhook secret."""
    secrets = settings.webhook_secrets()
    regions = {region: ServedRegion(settings, region, secret) for region, secret in secrets.items()}
    apps = {region: _regional_app(served) for region, served in regions.items()}
    front = _front(settings, regions)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        """Give a request below `/<region>` to that region's application."""
        _, _, path = scope.get("path", "").partition("/")
        region, _, rest = path.partition("/")
        if scope["type"] == "http" and region in apps:
            await apps[region]({**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}, receive, send)
        else:
            await front(scope, receive, send)

    return app


def _regional_app(region: ServedRegion) -> App:
    inside = _litestar(
        [*people_api.HANDLERS, *agents_api.HANDLERS],
        dependencies={"region": Provide(lambda: region, sync_to_thread=False)},
    )
    return DomicileMiddleware(inside, guard=region.guard, open_paths=agents_api.OPEN_PATHS)


def _front(settings: Settings, regions: Mapping[str, ServedRegion]) -> App:
    @asynccontextmanager
    async def living(_: Litestar) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            for region in regions.values():
                await stack.enter_async_context(region.living())
            yield

    handlers = [
        *moved.handlers(settings.domicile_url),
        *console.handlers(console.Console(dict(regions), settings.domicile_url)),
        _lifecycle_handler(regions),
        _health_handler(regions),
    ]
    return _litestar(handlers, lifespan=[living])


def _lifecycle_handler(regions: Mapping[str, ServedRegion]) -> object:
    @post("/lifecycle", status_code=204)
    async def hear(request: Request[Any, Any, Any]) -> None:
        """Take what Domicile tells of an account; it tells again what is not answered with 2xx."""
        body = await request.body()
        for region in regions.values():
            try:
                event = region.events.read(dict(request.headers), body)
            except MessageRefused:
                continue
            if event is not None and event.region == region.id:
                await _hear_or_ask_again(region.hear, event)
            return
        raise ServiceProblem(401, "message-refused", "No region that is served here signed this, just now.")

    return hear


async def _hear_or_ask_again(hear: Callable[[Any], Any], event: object) -> None:
    try:
        await hear(event)
    except (Problem, Unreachable):
        raise ServiceProblem(503, "receipt-not-taken", "Tell it again: the receipt was not taken.") from None


def _health_handler(regions: Mapping[str, ServedRegion]) -> object:
    @get("/healthz")
    async def health() -> dict[str, bool]:
        """Tell in which regions callers can be recognised."""
        return {region.id: region.guard.is_fresh for region in regions.values()}

    return health


def _litestar(handlers: list[Any], **more: Any) -> App:
    app: Any = Litestar(
        handlers,
        exception_handlers=HANDLERS,
        openapi_config=None,
        logging_config=None,
        request_max_body_size=_LARGEST_BODY_BYTES,
        **more,
    )  # its types of scopes are narrower than those of ASGI
    return app
