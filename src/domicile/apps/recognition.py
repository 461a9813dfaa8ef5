"""Gives handlers what they ask for by name: who is calling, in which account, and the plane that serves it."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar.di import Provide
from litestar.params import SkipValidation

from domicile.apps.node import Node
from domicile.identity.sessions.service import authenticate_session, is_session_token, resume_session
from domicile.infra.secrets import SERVICE_TOKEN
from domicile.kernel.callers import Caller, Origin, Person, user_leaving
from domicile.kernel.errors import forbidden, unauthenticated
from domicile.kernel.ids import RegionId, UserId
from domicile.region.entering.door import refuse_outside
from domicile.region.openings.service import ResumeSession
from domicile.region.plane import RegionPlane
from domicile.region.revocations.service import Reader, Recognise, require_reader
from domicile.region.service_identity.domain import ServiceCaller
from domicile.web.requests import DomicileRequest, bearer_of, origin_of, provide_origin, provide_request_key
from domicile.web.versions import provide_expected


class Recognition:
    """Recognises callers by API key, account token or session."""

    def __init__(self, node: Node) -> None:
        self._doors = node.doors
        self._identity = node.identity
        self._identities = node.service_side.identities

    async def anyone(self, request: DomicileRequest) -> Person | Caller:
        """Recognise whoever calls; 401 for nobody, `user-leaving` for who has asked to be deleted."""
        who = await self._anyone(request)
        if isinstance(who, Person) and who.is_leaving:
            raise user_leaving()
        return who

    async def _anyone(self, request: DomicileRequest) -> Person | Caller:
        scheme, credential = bearer_of(request.scope)
        origin = origin_of(request.scope)
        if scheme == "apikey":
            return await self._doors.from_api_key(credential, origin)
        if scheme != "bearer":
            raise unauthenticated(
                "not-authenticated", "Send Authorization: ApiKey <id>:<secret>, or Bearer <token>."
            )
        if is_session_token(credential):
            return await authenticate_session(self._identity, credential, origin)
        return await self._doors.from_account_token(credential, origin)

    async def person(self, request: DomicileRequest) -> Person:
        """Recognise a person by their session; `person-required` for keys and account tokens."""
        return _person_of(await self.anyone(request))

    async def leaver(self, request: DomicileRequest) -> Person:
        """Recognise a person by their session, also one who has asked to be deleted."""
        return _person_of(await self._anyone(request))

    async def caller(self, request: DomicileRequest) -> Caller:
        """Recognise a principal inside one account: that of the credential, or for a session the one in the path."""
        who = await self.anyone(request)
        named: str | None = request.path_params.get("account_id")
        if isinstance(who, Person):
            if named is None:
                refuse_outside()
            door, account = await self._doors.door_for(who, named)
            return await door.from_person(who, account)
        self._doors.check_scope(who, named)
        return who

    async def recognise_caller(self, request: DomicileRequest) -> Callable[[], Awaitable[Caller]]:
        """Give the means to recognise a principal, where not every request has to have one."""
        return lambda: self.caller(request)

    async def recognise_reader(self, request: DomicileRequest) -> Recognise:
        """Give the means to recognise, again and again, who reads the revocation feed."""

        async def recognise() -> Reader:
            scheme, credential = bearer_of(request.scope)
            if scheme == "bearer" and credential.startswith(SERVICE_TOKEN):
                return self._identities.recognise(credential)
            who = await self.anyone(request)
            return refuse_outside() if isinstance(who, Person) else require_reader(who)

        return recognise

    async def service(self, request: DomicileRequest) -> ServiceCaller:
        """Recognise a service by its credential or access token; 401 for whoever else calls, `not-found` for a region of others."""
        scheme, credential = bearer_of(request.scope)
        if scheme != "bearer":
            raise unauthenticated(
                "not-authenticated", "Send Authorization: Bearer with a service's credential or access token."
            )
        return self._identities.recognise(credential)

    async def service_plane(
        self, request: DomicileRequest, service: SkipValidation[ServiceCaller]
    ) -> RegionPlane:
        """Give the plane of the region in the path, if the service may act in it."""
        region = RegionId(request.path_params["region"])
        service.require_region(region)
        return self._doors.regions.plane(region)

    async def plane(self, caller: SkipValidation[Caller]) -> RegionPlane:
        """Give the plane of the region that the caller's account lives in."""
        return self._doors.regions.plane(caller.region)


def _person_of(who: Person | Caller) -> Person:
    if isinstance(who, Caller):
        raise forbidden(
            "person-required", "This is for people: call it with the token of POST /api/sessions."
        )
    return who


def dependencies_of(node: Node) -> dict[str, Provide]:
    """List what handlers may ask for, by the names of their parameters."""
    recognition = Recognition(node)
    return {
        "person": Provide(recognition.person),
        "leaver": Provide(recognition.leaver),
        "anyone": Provide(recognition.anyone),
        "caller": Provide(recognition.caller),
        "recognise_caller": Provide(recognition.recognise_caller),
        "plane": Provide(recognition.plane),
        "service": Provide(recognition.service),
        "service_plane": Provide(recognition.service_plane),
        "identities": _known(node.service_side.identities),
        "doors": _known(node.doors),
        "feeds": _known(node.service_side.revocations),
        "item_feeds": _known(node.service_side.items),
        "forwarded": _known(node.settings.catalogue().guards),
        "resume_session": _known(_resuming(node)),
        "recognise_reader": Provide(recognition.recognise_reader),
        "regions": _known(node.doors.regions),
        "identity": _known(node.identity),
        "origin": Provide(provide_origin),
        "request_key": Provide(provide_request_key),
        "expected": Provide(provide_expected),
    }


def _resuming(node: Node) -> ResumeSession:
    async def resume(user: UserId, is_it: Callable[[Person], bool], origin: Origin) -> Person | None:
        return await resume_session(node.identity, user, is_it, origin)

    return resume


def _known(value: Any) -> Provide:  # noqa: ANN401  # whatever handlers share
    return Provide(lambda: value, sync_to_thread=False, use_cache=True)
