"""The HTTP edge of openings, for services with their own credential."""

from litestar import Response, post
from litestar.params import FromPath, JSONBody, SkipValidation

from domicile.kernel.callers import Origin
from domicile.kernel.errors import not_found
from domicile.region.entering.doors import Doors
from domicile.region.openings.domain import Admitted, Presented, Proof
from domicile.region.openings.schemas import AdmittedBody, CodeBody, HandleBody, shape_admitted
from domicile.region.openings.service import ResumeSession, admit
from domicile.region.revocations.domain import ServiceReader
from domicile.web.operations import Access, operation


@post(
    "/api/services/{service_name:str}/sessions",
    summary="Let a person in who comes from the console",
    tags=["Services"],
    opt=operation(Access.SERVICE, errors=("not-found", "opening-refused")),
)
async def exchange_code(
    service_name: FromPath[str],
    data: JSONBody[CodeBody],
    *,
    calling_service: SkipValidation[ServiceReader],
    doors: SkipValidation[Doors],
    resume_session: SkipValidation[ResumeSession],
    origin: SkipValidation[Origin],
) -> Response[AdmittedBody]:
    """A code, good once and within a minute, becomes an account token of the person, good for ten minutes, and a handle for the next one."""
    shown = Presented(_own(service_name, calling_service), Proof.CODE, data.code)
    return _answer(doors, await admit(doors, resume_session, shown, origin))


@post(
    "/api/services/{service_name:str}/sessions/renew",
    summary="Go on with a person who was let in",
    tags=["Services"],
    opt=operation(Access.SERVICE, errors=("not-found", "opening-refused")),
)
async def renew_session(
    service_name: FromPath[str],
    data: JSONBody[HandleBody],
    *,
    calling_service: SkipValidation[ServiceReader],
    doors: SkipValidation[Doors],
    resume_session: SkipValidation[ResumeSession],
    origin: SkipValidation[Origin],
) -> Response[AdmittedBody]:
    """A handle, good once, becomes the next token and the next handle, while the person's session lives; it counts as use of the session."""
    shown = Presented(_own(service_name, calling_service), Proof.HANDLE, data.handle)
    return _answer(doors, await admit(doors, resume_session, shown, origin))


def _own(named: str, service: ServiceReader) -> str:
    """Refuse (`not-found`) a path that names another service than the credential's own."""
    if named != service.name:
        raise not_found("service")
    return service.name


def _answer(doors: Doors, admitted: Admitted) -> Response[AdmittedBody]:
    body = shape_admitted(doors.regions.plane(admitted.region), admitted)
    return Response(body, status_code=201, headers={"Cache-Control": "no-store"})


ROUTES = [exchange_code, renew_session]
