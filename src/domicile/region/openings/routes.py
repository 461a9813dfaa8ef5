"""The HTTP edge of openings, for services with their own credential."""

from litestar import Response, post
from litestar.params import FromPath, JSONBody, SkipValidation

from domicile.kernel.callers import Origin
from domicile.kernel.errors import not_found
from domicile.region.entering.doors import Doors
from domicile.region.openings.domain import Admitted, Presented, Proof
from domicile.region.openings.schemas import AdmittedBody, CodeBody, HandleBody, shape_admitted
from domicile.region.openings.service import ResumeSession, admit
from domicile.region.service_identity.domain import ServiceCaller
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
    service: SkipValidation[ServiceCaller],
    doors: SkipValidation[Doors],
    resume_session: SkipValidation[ResumeSession],
    origin: SkipValidation[Origin],
) -> Response[AdmittedBody]:
    """A code, good once and within a minute, becomes an account token of the person, good for ten minutes, and a handle for the next one."""
    shown = _presented(service_name, service, Proof.CODE, data.code)
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
    service: SkipValidation[ServiceCaller],
    doors: SkipValidation[Doors],
    resume_session: SkipValidation[ResumeSession],
    origin: SkipValidation[Origin],
) -> Response[AdmittedBody]:
    """A handle, good once, becomes the next token and the next handle, while the person's session lives; it counts as use of the session."""
    shown = _presented(service_name, service, Proof.HANDLE, data.handle)
    return _answer(doors, await admit(doors, resume_session, shown, origin))


def _presented(named: str, service: ServiceCaller, proof: Proof, text: str) -> Presented:
    """Refuse (`not-found`) a path that names another service than the credential's own."""
    if named != service.name:
        raise not_found("service")
    return Presented(service.name, service.regions, proof, text)


def _answer(doors: Doors, admitted: Admitted) -> Response[AdmittedBody]:
    body = shape_admitted(doors.regions.plane(admitted.region), admitted)
    return Response(body, status_code=201, headers={"Cache-Control": "no-store"})


ROUTES = [exchange_code, renew_session]
