"""The HTTP edge of a person's own profile."""

from litestar import Response, get, post
from litestar.params import JSONBody, SkipValidation

from domicile.identity.plane import IdentityPlane
from domicile.identity.users import service
from domicile.identity.users.domain import parse_profile_change
from domicile.identity.users.schemas import ProfileBody, ProfileChangeBody, shape_profile
from domicile.kernel.callers import Person
from domicile.kernel.versions import Precondition
from domicile.web.bodies import given
from domicile.web.operations import Access, operation
from domicile.web.versions import etag


@get("/api/me", summary="Describe myself", tags=["Me"], opt=operation(Access.PERSON))
async def describe_me(
    person: SkipValidation[Person], identity: SkipValidation[IdentityPlane]
) -> Response[ProfileBody]:
    """The profile of the signed-in person, the same in every account."""
    found = await service.describe_self(identity, person)
    body = shape_profile(found.user, pending_email=found.pending_email)
    return Response(body, headers={"ETag": etag(found.user.version)})


@post(
    "/api/me",
    status_code=200,
    summary="Change my profile",
    tags=["Me"],
    opt=operation(Access.PERSON, errors=("stale-version",)),
)
async def modify_me(
    data: JSONBody[ProfileChangeBody],
    person: SkipValidation[Person],
    identity: SkipValidation[IdentityPlane],
    expected: SkipValidation[Precondition],
) -> Response[ProfileBody]:
    """Name, language and time zone; every account shows the change within seconds."""
    change = parse_profile_change(given(data.name), given(data.locale), given(data.timezone))
    user = await service.update_own_profile(identity, person, change, expected)
    return Response(shape_profile(user), headers={"ETag": etag(user.version)})


ROUTES = [describe_me, modify_me]
