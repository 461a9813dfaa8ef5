"""The HTTP edge of a person's export."""

from collections.abc import AsyncIterator, Mapping, Sequence

from litestar import Response, post
from litestar.params import JSONBody, SkipValidation

from domicile.identity.events.schemas import SecurityEventBody, shape_event
from domicile.identity.export import service
from domicile.identity.export.schemas import ExportRequestBody, PersonExportBody, shape_head
from domicile.identity.export.statement import Fingerprint, sign_export
from domicile.identity.plane import IdentityPlane
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Person
from domicile.web.operations import Access, operation
from domicile.web.streams import answer_with, write_document


@post(
    "/api/me/export",
    status_code=200,
    summary="Export my data",
    tags=["Me"],
    opt=operation(
        Access.PERSON, errors=("password-wrong", "reauthentication-required", "too-many-attempts", "too-busy")
    ),
)
async def export_me(
    data: JSONBody[ExportRequestBody],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
) -> Response[PersonExportBody]:
    """What identity and the directory know of the person. What the regions know is fetched from each, within ten minutes, at the addresses under `regions`."""
    return await answer_export(identity, person, SecretText(data.password))


async def answer_export(
    identity: IdentityPlane, person: Person, password: SecretText
) -> Response[PersonExportBody]:
    """Answer with the document of identity and directory, for the API and for the console."""
    exported = await service.begin_export(identity, person, password)
    base_urls = {region.id: region.base_url for region in identity.settings.region_list()}
    head = shape_head(exported, session_id=person.session_id, base_urls=base_urls)
    fingerprint = Fingerprint(head)

    def sign() -> Mapping[str, object]:
        return {"signed": sign_export(identity, person, fingerprint)}

    pieces = write_document(head, "events", _events(identity, person, fingerprint), ending=sign)
    return answer_with(pieces, file_name="domicile-person.json")


async def _events(
    identity: IdentityPlane, person: Person, fingerprint: Fingerprint
) -> AsyncIterator[Sequence[SecurityEventBody]]:
    async for page in service.list_all_events(identity, person):
        shown = [shape_event(recorded) for recorded in page]
        for event in shown:
            fingerprint.add(event)
        yield shown


ROUTES = [export_me]
