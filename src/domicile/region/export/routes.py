"""The HTTP edge of a region's part of a person's export."""

from collections.abc import AsyncIterator, Sequence

from litestar import Response, get
from litestar.params import FromPath, SkipValidation

from domicile.kernel.callers import Person
from domicile.kernel.ids import AccountId, RegionId
from domicile.region.audit.schemas import LogBody, shape_event
from domicile.region.export import service
from domicile.region.export.schemas import RegionExportBody, shape_region_head
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions
from domicile.web.operations import Access, operation
from domicile.web.streams import answer_with, write_document


@get(
    "/api/me/export/regions/{region:str}",
    summary="Export what a region knows of me",
    tags=["Me"],
    opt=operation(Access.PERSON, errors=("not-found", "reauthentication-required", "wrong-region")),
)
async def export_region(
    region: FromPath[str], person: SkipValidation[Person], regions: SkipValidation[Regions]
) -> Response[RegionExportBody]:
    """Memberships, invitations, API keys that the person made, and what they did, produced in the region. Within ten minutes of a sign-in or of `POST /api/me/export`."""
    return await answer_region_export(regions.plane(RegionId(region)), person)


async def answer_region_export(plane: RegionPlane, person: Person) -> Response[RegionExportBody]:
    """Answer with a region's document, for the API and for the console."""
    exported = await service.begin_region_export(plane, person)
    accounts = [place.account_id for place in exported.places]
    pieces = write_document(shape_region_head(plane, exported), "logs", _logs(plane, person, accounts))
    return answer_with(pieces, file_name=f"domicile-{plane.id}.json")


async def _logs(
    plane: RegionPlane, person: Person, accounts: Sequence[AccountId]
) -> AsyncIterator[Sequence[LogBody]]:
    async for page in service.list_own_events(plane, person, accounts):
        yield [shape_event(plane, recorded) for recorded in page]


ROUTES = [export_region]
