"""The HTTP edge of questions about access."""

from collections.abc import Awaitable, Callable, Mapping

from litestar import MediaType, Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody, SkipValidation

from domicile.kernel.callers import Caller, Person
from domicile.kernel.errors import DomainError, invalid
from domicile.kernel.guards import Guard, GuardTable
from domicile.kernel.text import Refused
from domicile.kernel.urn import Principal, find_principal
from domicile.region.access import service
from domicile.region.access.domain import EVERYBODY, check_action
from domicile.region.access.forwarding import NOBODY, action_of, check_offered, find_guard, identify
from domicile.region.access.schemas import (
    AnswerBody,
    CheckBody,
    CheckedBody,
    ExplanationBody,
    WhoamiBody,
    principal_urn,
    shape_answer,
    shape_explanation,
    shape_holders,
    shape_permissions,
    shape_person,
    shape_whoami,
)
from domicile.region.entering.doors import Doors
from domicile.web.bodies import given
from domicile.web.forwarding import FORWARD, Headers, question_of
from domicile.web.operations import Access, operation
from domicile.web.requests import DomicileRequest

_MOST_CHECKS = 100


@get("/api/whoami", summary="Who is calling", tags=["Access"], opt=operation(Access.ANYBODY_SIGNED_IN))
async def whoami(anyone: SkipValidation[Person | Caller], doors: SkipValidation[Doors]) -> WhoamiBody:
    """Principal, account, region, role and base addresses; for a person's session, the person alone."""
    if isinstance(anyone, Caller):
        return shape_whoami(doors.door_of(anyone).plane, anyone)
    regions = doors.regions
    return shape_person(anyone, namespace=regions.namespace, identity_url=regions.identity_url)


@post(
    "/api/access/check",
    status_code=200,
    summary="May I? May they?",
    tags=["Access"],
    opt=operation(Access.ACCOUNT, errors=("not-permitted",)),
)
async def check_access(
    data: JSONBody[CheckBody], caller: SkipValidation[Caller], doors: SkipValidation[Doors]
) -> CheckedBody:
    """One decision or many, by the function that enforces; about oneself for everybody, about others for who may explain."""
    single, many = given(data.action), given(data.checks)
    if (single is None) == (many is None):
        raise invalid({"action": "give either action or checks"})
    if single is not None:
        answer = await _answer(doors, caller, single, given(data.principal), place="")
        return CheckedBody(
            action=answer.action, allowed=answer.allowed, principal_urn=answer.principal_urn, rule=answer.rule
        )
    questions = many or []
    if not 0 < len(questions) <= _MOST_CHECKS:
        raise invalid({"checks": f"must hold 1 to {_MOST_CHECKS} questions"})
    results = [
        await _answer(doors, caller, question.action, given(question.principal), place=f"checks[{index}].")
        for index, question in enumerate(questions)
    ]
    return CheckedBody(results=results)


@get(
    "/api/access/explain",
    summary="Why, or why not",
    tags=["Access"],
    opt=operation(Access.ACCOUNT, errors=("not-permitted",)),
)
async def explain_access(
    caller: SkipValidation[Caller],
    doors: SkipValidation[Doors],
    *,
    action: FromQuery[str | None] = None,
    principal: FromQuery[str | None] = None,
    limit: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
) -> ExplanationBody:
    """With `action`: the derivation of one decision. Without: every action that any role can grant, and the rule that settled it.

    About the caller under the present circumstances, or about `principal`, a URN. `principal=*` lists who may do the action.
    """
    door = doors.door_of(caller)
    if principal == EVERYBODY:
        scope = f"who may {caller.account_id} {action or ''}"
        request = doors.regions.cursors.page_request(limit, cursor, scope=scope)
        asked = _action(action or "", place="action")
        page = await service.list_holders(door.plane, caller, asked, request)
        return shape_holders(door.plane, asked, page.items, doors.regions.cursors.next_of(page, scope=scope))
    for name, value in (("limit", limit), ("cursor", cursor)):
        if value is not None:
            raise invalid({name: "goes with principal=* only"})
    who = _principal(principal, caller, place="principal")
    urn = principal_urn(door.plane, caller, who)
    if action is None:
        return shape_permissions(urn, await service.explain_permissions(door, caller, who))
    asked = _action(action, place="action")
    return shape_explanation(urn, await service.explain_access(door, caller, who, asked))


@get(
    f"{FORWARD}{{service_name:str}}",
    summary="Decide on a request that a proxy holds",
    tags=["Access"],
    media_type=MediaType.TEXT,
    opt=operation(Access.ACCOUNT, errors=("not-permitted", "not-found", "path-refused")),
)
async def forward_request(
    service_name: FromPath[str],
    request: DomicileRequest,
    forwarded: SkipValidation[Mapping[str, GuardTable]],
    recognise_caller: SkipValidation[Callable[[], Awaitable[Caller]]],
    doors: SkipValidation[Doors],
) -> Response[str]:
    """For a reverse proxy: the first guard of the service's manifest that fits method and path decides, and 200 tells in headers who is calling.

    Any method, and any path below this one, is taken as `GET` here. No `Api-Version` is asked for.
    """
    guard = _find_guard(forwarded, request, service_name)
    if isinstance(guard, Guard) and guard.is_public:
        return _told(NOBODY)
    caller = await recognise_caller()
    if isinstance(guard, DomainError):
        raise guard
    plane = doors.door_of(caller).plane
    check_offered(plane, service_name)
    caller.require(action_of(guard))
    return _told(identify(plane, caller, service_name))


def _find_guard(
    guards: Mapping[str, GuardTable], request: DomicileRequest, service: str
) -> Guard | DomainError:
    """Find what decides, or why nothing does: that is for those alone who show who they are."""
    try:
        return find_guard(guards, question_of(request.scope, service))
    except DomainError as error:
        return error


def _told(headers: Headers) -> Response[str]:
    return Response("", headers={name.decode(): value.decode() for name, value in headers})


async def _answer(
    doors: Doors, caller: Caller, action: str, principal: str | None, *, place: str
) -> AnswerBody:
    door = doors.door_of(caller)
    who = _principal(principal, caller, place=f"{place}principal")
    decision = await service.decide_access(door, caller, who, _action(action, place=f"{place}action"))
    return shape_answer(principal_urn(door.plane, caller, who), decision)


def _action(text: str, *, place: str) -> str:
    try:
        return check_action(text)
    except Refused as refused:
        raise invalid({place: str(refused)}) from None


def _principal(text: str | None, caller: Caller, *, place: str) -> Principal:
    if text is None:
        return caller.principal
    if (found := find_principal(text)) is None:
        raise invalid({place: "must be the URN of a user or an API key"})
    return found


ROUTES = [whoami, check_access, explain_access, forward_request]
