"""Forward authentication: which guard of a service fits a request that a proxy holds, and what the service is told of who sent it."""

from collections.abc import Mapping
from typing import Final

from domicile.kernel.callers import Caller
from domicile.kernel.errors import DomainError, forbidden, not_found
from domicile.kernel.guards import Guard, GuardTable
from domicile.kernel.request_paths import read_path
from domicile.kernel.roles import BE_THERE
from domicile.kernel.text import Refused
from domicile.region.access.schemas import principal_urn
from domicile.region.plane import RegionPlane
from domicile.web.forwarding import Headers, Question

IDENTITY_HEADERS: Final = (
    b"domicile-principal",
    b"domicile-user",
    b"domicile-email",
    b"domicile-account",
    b"domicile-region",
    b"domicile-role",
    b"domicile-level",
)
"""Each is in every answer of 200, empty where there is nothing to say: so the proxy has always something to overwrite with."""
NOBODY: Final[Headers] = [(name, b"") for name in IDENTITY_HEADERS]
"""What is told on a public path."""


def find_guard(guards: Mapping[str, GuardTable], question: Question) -> Guard:
    """Find the guard that decides; `not-found` for an unknown service.

    `path-refused` where no guard fits, or where the path could be read in more than one way.
    """
    if (table := guards.get(question.service)) is None:
        raise not_found("service")
    try:
        guard = table.find(question.method, read_path(question.target))
    except Refused as refused:
        raise _path_refused(f"The path cannot be decided on: it {refused}.") from None
    if guard is None:
        raise _path_refused(
            f"The service {question.service} has opened this path to nobody by {question.method}."
        )
    return guard


def action_of(guard: Guard) -> str:
    """Name what a guard that is not public asks for."""
    return guard.permission or BE_THERE


def check_offered(plane: RegionPlane, service: str) -> None:
    """Refuse (`not-permitted`) a service that accounts of the region do not have, whatever their roles say of it."""
    if not is_offered(plane, service):
        raise forbidden("not-permitted", f"The service {service} does not run in the region of your account.")


def is_offered(plane: RegionPlane, service: str) -> bool:
    """Tell whether accounts of the region have a service."""
    return any(known.name == service for known in plane.catalogue.offered_in(plane.id))


def identify(plane: RegionPlane, caller: Caller, service: str) -> Headers:
    """Tell a service who is calling, in headers that hold nothing but visible ASCII."""
    principal = caller.principal
    told = (
        principal_urn(plane, caller, principal),
        principal.id if principal.kind == "user" else "",
        caller.email,
        caller.account_id,
        caller.region,
        caller.role_id,
        dict(caller.role.service_roles).get(service, ""),
    )
    return [(name, _visible(text)) for name, text in zip(IDENTITY_HEADERS, told, strict=True)]


def _visible(text: str) -> bytes:
    """Write a header's value; nothing for what a header cannot hold, such as a domain in Unicode."""
    return text.encode() if text.isascii() and text.isprintable() else b""


def _path_refused(message: str) -> DomainError:
    return forbidden("path-refused", message)
