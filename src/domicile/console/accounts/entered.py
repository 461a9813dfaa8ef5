"""Recognises who stands in which account on a page: the person's own session, the account named by the address."""

from collections.abc import Mapping

from litestar.di import NamedDependency
from litestar.params import FromPath

from domicile.kernel.callers import Caller, Person
from domicile.region.entering.doors import Doors

_ACTS = {
    "invite": "identity:invitation:create",
    "revoke": "identity:invitation:delete",
    "change": "identity:user:update",
    "remove": "identity:user:delete",
    "rename": "identity:account:update",
}


async def provide_caller(
    account_id: FromPath[str], person: NamedDependency[Person], doors: NamedDependency[Doors]
) -> Caller:
    """Give the person's place in the account; one answer, `not-found`, for what is not there and not theirs."""
    door, account = await doors.door_for(person, account_id)
    return await door.from_person(person, account)


def acts_open_to(caller: Caller) -> Mapping[str, bool]:
    """Tell which changes a page may offer, by the decision that would be asked when they are made."""
    return {act: caller.may(action).allowed for act, action in _ACTS.items()}


def reason_for_reading_only(caller: Caller) -> str | None:
    """Say by which role a caller changes nothing in the account; None for who may change something."""
    if any(acts_open_to(caller).values()):
        return None
    return caller.may(_ACTS["change"]).steps[-1].fact
