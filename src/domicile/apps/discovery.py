"""What a running server tells of itself: its regions and addresses, its document, its health."""

from typing import Any, ClassVar

import msgspec
from litestar import Litestar, Request, Response, get
from litestar.params import SkipValidation
from msgspec import field

from domicile.apps.node import Node
from domicile.infra.databases import Tx
from domicile.infra.telemetry import release
from domicile.region.entering.domain import issuer_of
from domicile.region.regions import Regions
from domicile.web.bodies import Wire
from domicile.web.openapi import build_document
from domicile.web.operations import Access, operation


class RegionBody(Wire, frozen=True):
    """A region of the platform."""

    id: str
    name: str
    base_url: str = field(name="baseURL")
    is_open: bool = field(name="open")
    """Whether new accounts may be created there."""


class RegionsBody(Wire, frozen=True):
    """The regions, in the order of the configuration."""

    example: ClassVar[dict[str, object]] = {
        "regions": [{"id": "de-1", "name": "Germany", "baseURL": "http://localhost:8800", "open": True}]
    }

    regions: list[RegionBody]


class RegionDiscoveryBody(RegionBody, frozen=True):
    """A region, and how its tokens are verified."""

    issuer: str
    jwks_uri: str = field(name="jwksURI")
    statement_keys_uri: str = field(name="statementKeysURI")
    """Every key that the region has ever signed with, for receipts and checkpoints that were kept."""
    revocations_uri: str = field(name="revocationsURI")
    """The region's revocation feed."""


class IdentityDiscoveryBody(Wire, frozen=True):
    """Identity, and how its statements are verified."""

    issuer: str
    jwks_uri: str = field(name="jwksURI")
    statement_keys_uri: str = field(name="statementKeysURI")
    """Every key that identity has ever signed with, for exports that were kept."""


class DiscoveryBody(Wire, frozen=True):
    """Where everything is."""

    example: ClassVar[dict[str, object]] = {
        "name": "Domicile",
        "version": "0.1.0",
        "identityURL": "http://localhost:8800",
        "openapi": "http://localhost:8800/openapi.json",
        "docs": "http://localhost:8800/docs",
        "identity": {
            "issuer": "http://localhost:8800",
            "jwksURI": "http://localhost:8800/.well-known/domicile/identity/jwks.json",
            "statementKeysURI": "http://localhost:8800/.well-known/domicile/identity/statement-keys.json",
        },
        "regions": [
            {
                "id": "de-1",
                "name": "Germany",
                "baseURL": "http://localhost:8800",
                "open": True,
                "issuer": "http://localhost:8800/regions/de-1",
                "jwksURI": "http://localhost:8800/.well-known/domicile/de-1/jwks.json",
                "statementKeysURI": "http://localhost:8800/.well-known/domicile/de-1/statement-keys.json",
                "revocationsURI": "http://localhost:8800/api/revocations?region=de-1",
            }
        ],
    }

    name: str
    version: str
    identity_url: str = field(name="identityURL")
    openapi: str
    docs: str
    identity: IdentityDiscoveryBody
    regions: list[RegionDiscoveryBody]


class HealthBody(Wire, frozen=True):
    """Ready."""

    example: ClassVar[dict[str, object]] = {"status": "ready"}

    status: str


@get("/api/regions", summary="List the regions", tags=["Discovery"], opt=operation(Access.ANYONE))
async def list_regions(regions: SkipValidation[Regions]) -> RegionsBody:
    """The places in which accounts can live, with the address of each."""
    shown = [RegionBody(id=r.id, name=r.name, base_url=r.base_url, is_open=r.is_open) for r in regions.all]
    return RegionsBody(regions=shown)


@get("/.well-known/domicile", summary="Where everything is", tags=["Discovery"], opt=operation(Access.ANYONE))
async def discover(regions: SkipValidation[Regions]) -> DiscoveryBody:
    """The addresses of this platform, for clients and for services that verify tokens."""
    url = regions.identity_url
    shown = [
        RegionDiscoveryBody(
            id=r.id,
            name=r.name,
            base_url=r.base_url,
            is_open=r.is_open,
            issuer=issuer_of(r),
            jwks_uri=f"{r.base_url}/.well-known/domicile/{r.id}/jwks.json",
            statement_keys_uri=f"{r.base_url}/.well-known/domicile/{r.id}/statement-keys.json",
            revocations_uri=f"{r.base_url}/api/revocations?region={r.id}",
        )
        for r in regions.all
    ]
    return DiscoveryBody(
        name="Domicile",
        version=release(),
        identity_url=url,
        openapi=f"{url}/openapi.json",
        docs=f"{url}/docs",
        identity=IdentityDiscoveryBody(
            issuer=url,
            jwks_uri=f"{url}/.well-known/domicile/identity/jwks.json",
            statement_keys_uri=f"{url}/.well-known/domicile/identity/statement-keys.json",
        ),
        regions=shown,
    )


def health_routes(node: Node) -> list[Any]:
    """Make the routes by which a load balancer tells whether this node should get requests."""
    regions = [door.plane.database for door in node.doors.by_region.values()]

    @get("/healthz", summary="Ready to serve its regions", tags=["Discovery"], opt=operation(Access.ANYONE))
    async def get_health() -> HealthBody:
        """200 when the database of every region that this node serves answers, 503 otherwise; the directory may be dark."""
        for database in regions:
            await database.read(_touch)
        return HealthBody(status="ready")

    @get("/readyz", summary="Ready for everything", tags=["Discovery"], opt=operation(Access.ANYONE))
    async def get_readiness() -> HealthBody:
        """200 when every database of this node answers, identity's too, 503 otherwise."""
        await node.identity.database.read(_touch)
        return await get_health.fn()

    return [get_health, get_readiness]


async def _touch(tx: Tx) -> None:
    await tx.touch()


@get("/openapi.json", summary="This document", tags=["Discovery"], opt=operation(Access.ANYONE))
async def get_document(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The OpenAPI 3.1 document of the API."""
    return Response(
        document_of(request.app), media_type="application/json", headers={"Cache-Control": "no-cache"}
    )


def document_of(app: Litestar) -> bytes:
    """Write the document of the running application, once in its life."""
    if (written := app.state.get("document")) is None:
        made = build_document(app, version=release(), server_url=app.state["public_url"])
        written = app.state["document"] = msgspec.json.encode(made)
    return written


ROUTES = [list_regions, discover, get_document]
