"""Requests as our handlers see them: strict bodies, and the facts of the connection."""

from ipaddress import ip_address
from typing import Annotated, Any

from litestar import Request
from litestar.datastructures import State
from litestar.params import QueryParameter
from litestar.types import Scope

from domicile.infra.idempotency import RequestKey
from domicile.infra.secrets import digest
from domicile.kernel.callers import Origin
from domicile.kernel.errors import invalid
from domicile.kernel.permissions import Address
from domicile.web.bodies import read_struct

DryRun = Annotated[str | None, QueryParameter(name="dryRun", required=False)]
"""Whether a change is only tried: `true` or `false`."""

_LONGEST_USER_AGENT = 256
_LONGEST_KEY = 255


class DomicileRequest(Request[Any, Any, State]):
    """A request whose JSON body is read by `bodies.read_struct` into the type that the handler names for `data`."""

    async def json(self) -> Any:  # noqa: ANN401  # the framework's signature
        """Read the body strictly; called by the framework for handlers with a `data` parameter."""
        field = self.route_handler.parsed_data_field
        if field is None:
            return None
        return read_struct(await self.body(), field.annotation)


def address_of(scope: Scope) -> Address | None:
    """Give the caller's address as the server saw it; None over a socket that has none.

    Forwarding headers were looked at before this, and only from trusted proxies. An IPv4 address inside IPv6 is given as IPv4.
    """
    client = scope.get("client")
    try:
        address = ip_address(client[0]) if client else None
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def origin_of(scope: Scope) -> Origin:
    """Collect where a request came from."""
    agent = next((value for name, value in scope["headers"] if name == b"user-agent"), b"")
    readable = "".join(c for c in agent[:_LONGEST_USER_AGENT].decode("latin-1") if c.isprintable())
    return Origin(scope["state"]["request_id"], address_of(scope), readable)


async def provide_origin(request: DomicileRequest) -> Origin:
    """Give handlers the origin of their request."""
    return origin_of(request.scope)


def bearer_of(scope: Scope) -> tuple[str, str]:
    """Read the `Authorization` header: its scheme in lower case and the rest; two empty texts without one (RFC 9110, 11.6.2)."""
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(given) != 1:
        return "", ""
    scheme, _, rest = given[0].decode("latin-1").partition(" ")
    return scheme.lower(), rest.strip()


async def provide_request_key(request: DomicileRequest) -> RequestKey | None:
    """Give handlers that create the request's `Idempotency-Key` with a fingerprint of method, path and body."""
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    if not (0 < len(given) <= _LONGEST_KEY and given.isascii() and given.isprintable()):
        raise invalid({"Idempotency-Key": f"must be 1 to {_LONGEST_KEY} printable ASCII characters"})
    told = f"{request.method} {request.url.path}\n".encode() + await request.body()
    return RequestKey(digest(given.encode()), digest(told))


def read_flag(name: str, text: str | None) -> bool:
    """Read a parameter that is `true` or `false`; absent, it is false. `invalid-input` on its name."""
    if text not in {None, "true", "false"}:
        raise invalid({name: "must be true or false"})
    return text == "true"
