"""Use cases of openings: leading a person into a service, and giving the service what it acts by."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from domicile.infra.databases import RegionTx
from domicile.infra.secrets import new_api_key_secret
from domicile.kernel.callers import Caller, Origin, Person
from domicile.kernel.errors import DomainError, ErrorKind, not_found
from domicile.kernel.ids import UserId, random_base62
from domicile.kernel.services import Service
from domicile.region.entering.domain import AccountToken
from domicile.region.entering.door import Door
from domicile.region.entering.doors import Doors
from domicile.region.openings import store
from domicile.region.openings.domain import (
    CODE_LIFETIME,
    HANDLE_LIFETIME,
    Admitted,
    Named,
    Opening,
    Presented,
    Proof,
    Wish,
    check_opens,
    lead_to,
    opening_refused,
    read_proof,
    write_proof,
)
from domicile.region.plane import RegionPlane
from domicile.region.services.service import describe_service


class ResumeSession(Protocol):
    """Finds a live session of a user, which then counts as used; in the identity plane, which alone knows sessions."""

    def __call__(
        self, user: UserId, is_it: Callable[[Person], bool], origin: Origin
    ) -> Awaitable[Person | None]:
        """Give the person of the session for which `is_it` holds; None if it has ended."""
        ...


async def open_service(door: Door, person: Person, caller: Caller, name: str, wish: Wish) -> str:
    """Begin a person's way into a service; gives the service's own address with a code in it, good once and for a minute.

    `not-found` for a service that does not run in the account's region, or that people cannot be led to; `not-permitted` for a
    role that grants nothing in it.
    """
    service = find_console(door.plane, caller, name)
    check_opens(caller.role, service)
    opening_id = random_base62(22)
    code = _new_proof(Proof.CODE, door, opening_id)
    opening = Opening(
        id=opening_id,
        account_id=caller.account_id,
        service=service.name,
        user_id=person.user_id,
        sign_in=door.fingerprint(person),
        address=service.console_url,
        secret_hash=_hash(door, code),
        expires_at=door.plane.clock() + CODE_LIFETIME,
    )
    await door.plane.database.run_tx(lambda tx: store.insert_opening(tx, opening))
    return lead_to(service.console_url, code, door.plane.id, wish)


def find_console(plane: RegionPlane, caller: Caller, name: str) -> Service:
    """Find a service of the account to which people can be led; `not-found` for any other."""
    service = describe_service(plane, caller, name)
    if not service.console_url:
        raise not_found("service")
    return service


async def admit(doors: Doors, resume: ResumeSession, presented: Presented, origin: Origin) -> Admitted:
    """Exchange a code, or a handle, for an account token and the next handle.

    Everything is asked anew: the session, the account, the place in it, the role. Every refusal is `opening-refused`, and closes
    the way for good (what cannot be asked at present is no refusal), also where a code or handle is not the newest: then somebody else has used it.
    """
    named = read_proof(presented.text, presented.proof)
    door = doors.by_region.get(named.region) if named else None
    if named is None or door is None or named.region not in presented.regions:
        raise opening_refused()
    handle = _new_proof(Proof.HANDLE, door, named.opening_id)
    until = door.plane.clock() + HANDLE_LIFETIME
    opening = await _use(door, named, presented, handle, until)
    try:
        token = await _enter(door, resume, opening, origin)
    except DomainError as error:
        if error.kind is ErrorKind.UNAVAILABLE:
            raise
        await door.plane.database.run_tx(lambda tx: store.delete_opening(tx, opening.id, presented.service))
        raise opening_refused() from None
    return Admitted(token, named.region, handle, until)


async def _use(door: Door, named: Named, presented: Presented, handle: str, until: datetime) -> Opening:
    now, service = door.plane.clock(), presented.service
    former, following = _hash(door, presented.text), _hash(door, handle)

    async def use(tx: RegionTx) -> Opening | None:
        good = store.Good(named.opening_id, service, former)
        used = await store.use_opening(tx, good, following, until=until, now=now)
        if used is None:
            await store.delete_opening(tx, named.opening_id, service)
        return used

    opening = await door.plane.database.run_tx(use)
    if opening is None:
        raise opening_refused()
    return opening


async def _enter(door: Door, resume: ResumeSession, opening: Opening, origin: Origin) -> AccountToken:
    person = await resume(opening.user_id, lambda found: door.fingerprint(found) == opening.sign_in, origin)
    if person is None or person.is_leaving:
        raise opening_refused()
    caller = await door.from_person(person, opening.account_id)
    service = find_console(door.plane, caller, opening.service)
    if service.console_url != opening.address:
        raise opening_refused()
    check_opens(caller.role, service)
    return await door.enter(person, opening.account_id, through=service.name)


async def forget_openings(plane: RegionPlane) -> None:
    """Delete the openings that were not used in time."""
    await plane.database.run_tx(lambda tx: store.forget_openings(tx, now=plane.clock()))


def _new_proof(proof: Proof, door: Door, opening_id: str) -> str:
    return write_proof(proof, door.plane.id, opening_id, new_api_key_secret().reveal())


def _hash(door: Door, text: str) -> bytes:
    return door.plane.link_hash.of(f"opening {text}")
