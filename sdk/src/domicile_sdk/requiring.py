"""The caller of the request at hand, and permissions asked for beside a handler, whatever the framework."""

import functools
import inspect
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar, cast

from domicile_sdk.principal import Principal
from domicile_sdk.refusal import NobodyCalling

Params = ParamSpec("Params")
ResultT = TypeVar("ResultT")

KEY = "domicile.principal"
"""Where the middlewares put the principal: into the scope of ASGI, or the environ of WSGI."""

_current: ContextVar[Principal | None] = ContextVar("domicile_principal", default=None)


def current_principal() -> Principal:
    """Give the caller of the request at hand; `NobodyCalling` at a path that is open to everybody."""
    principal = _current.get()
    if principal is None:
        raise NobodyCalling("This asks for a caller who is known.")
    return principal


def require(permission: str) -> Callable[[Callable[Params, ResultT]], Callable[Params, ResultT]]:
    """Decorate a handler, sync or async, that is run only for callers with a permission; others are refused with 403."""

    def decorate(handler: Callable[Params, ResultT]) -> Callable[Params, ResultT]:
        if inspect.iscoroutinefunction(handler):
            return cast("Callable[Params, ResultT]", _guarded_coroutine(handler, permission))

        @functools.wraps(handler)
        def guarded(*args: Params.args, **kwargs: Params.kwargs) -> ResultT:
            current_principal().require(permission)
            return handler(*args, **kwargs)

        return guarded

    return decorate


def _guarded_coroutine(
    handler: Callable[Params, Coroutine[Any, Any, ResultT]], permission: str
) -> Callable[Params, Coroutine[Any, Any, ResultT]]:
    @functools.wraps(handler)
    async def guarded(*args: Params.args, **kwargs: Params.kwargs) -> ResultT:
        current_principal().require(permission)
        return await handler(*args, **kwargs)

    return guarded


def dependency(permission: str) -> Callable[[], Principal]:
    """Make a function without parameters that gives the caller, or refuses with 403; for frameworks that inject."""

    def required() -> Principal:
        principal = current_principal()
        principal.require(permission)
        return principal

    return required


def begin_acting(principal: Principal | None) -> None:
    """Make somebody the caller from now on, in the present context."""
    _current.set(principal)


@contextmanager
def acting(principal: Principal | None) -> Generator[None]:
    """Make somebody the caller of what the body does; for middlewares, and for tests of single handlers."""
    before = _current.set(principal)
    try:
        yield
    finally:
        _current.reset(before)
