"""Requests that a proxy holds while it asks about them: which one is meant, in the ways in which nginx, Traefik and Envoy say it."""

from dataclasses import dataclass
from typing import Final

from litestar.types import HTTPScope, Scope

from domicile.kernel.errors import invalid

FORWARD: Final = "/api/access/forward/"
"""Before the service's name; what follows the name is the path of the request that is asked about (Envoy)."""
Headers = list[tuple[bytes, bytes]]

_RAW = FORWARD.encode()
_STATE = "forwarded"
_PAIRS = ((b"x-original-method", b"x-original-uri"), (b"x-forwarded-method", b"x-forwarded-uri"))
"""Of nginx by our example, and of Traefik."""
_NAMES = frozenset(name for pair in _PAIRS for name in pair)


@dataclass(frozen=True, slots=True)
class Question:
    """The request that a proxy asks about."""

    service: str
    method: str
    target: str
    """Its path as it was sent, percent-encoding and all."""


def find_forwarded(scope: HTTPScope) -> HTTPScope | None:
    """Make, of a request by any method to any path below a service's, the one `GET` that is routed; None for other requests.

    Proxies ask by the method of the request that they hold, or by `GET`, and Envoy puts its path behind the service's name.
    """
    raw = scope["raw_path"]
    if not raw.startswith(_RAW):
        return None
    name, slash, rest = raw[len(_RAW) :].decode("latin-1").partition("/")
    asked: HTTPScope = {**scope, "method": "GET", "path": FORWARD + name}
    asked["state"] = {**scope.get("state", {}), _STATE: (scope["method"], slash + rest)}
    return asked


def question_of(scope: Scope, service: str) -> Question:
    """Read which request is asked about; `invalid-input` unless it is told once, or several times and always the same.

    A header that says otherwise than the rest comes from whoever sent the request, past a proxy that did not take it away.
    """
    given: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _NAMES:
            if name in given:
                raise _unclear(name, "is there twice")
            given[name] = value
    told = {
        (_given(given, method, uri), _given(given, uri, method).partition("?")[0])
        for method, uri in _PAIRS
        if method in given or uri in given
    }
    method, path = scope.get("state", {}).get(_STATE, ("", ""))
    if path:
        told.add((method, path))
    if len(told) != 1:
        raise _unclear(_PAIRS[0][1], "says something else than another one" if told else "is required")
    ((method, target),) = told
    return Question(service, method, target)


def _given(given: dict[bytes, bytes], name: bytes, partner: bytes) -> str:
    if name not in given:
        raise _unclear(name, f"is required beside {_shown(partner)}")
    return given[name].decode("latin-1")


def _unclear(name: bytes, reason: str) -> Exception:
    return invalid({_shown(name): reason})


def _shown(name: bytes) -> str:
    return name.decode().title().replace("Uri", "URI" if b"original" in name else "Uri")
