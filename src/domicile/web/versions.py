"""Entity tags of items and the precondition that goes with them (RFC 9110, sections 8.8.3 and 13.1.1)."""

from domicile.kernel.versions import Precondition, expecting
from domicile.web.requests import DomicileRequest


def etag(version: str | int) -> str:
    """Write the entity tag of one version of an item."""
    return f'"{version}"'


async def provide_expected(request: DomicileRequest) -> Precondition:
    """Give handlers the precondition of their request: its `If-Match`, or none."""
    header = request.headers.get("if-match")
    if header is None or header.strip() == "*":
        return expecting(None)
    return expecting(tuple(part.strip().removeprefix('"').removesuffix('"') for part in header.split(",")))
