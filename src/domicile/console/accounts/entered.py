"""Recognises who stands in which account on a page: the person's own session, the account named by the address."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from litestar.di import Provide
from litestar.params import FromPath, SkipValidation

from domicile.kernel.callers import Caller, Person
from domicile.kernel.permissions import RESTORE
from domicile.region.entering.doors import Doors
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions

READ_ACCOUNT: Final = "identity:account:read"
"""What the page of an account needs; who lacks it works in services alone."""

_ACTS = {
    "invite": "identity:invitation:create",
    "revoke": "identity:invitation:delete",
    "change": "identity:user:update",
    "remove": "identity:user:delete",
    "rename": "identity:account:update",
    "delete": "identity:account:delete",
}


@dataclass(frozen=True, slots=True)
class Entered:
    """A caller inside an account, and the region's plane in which it lies."""

    caller: Caller
    plane: RegionPlane
    regions: Regions

    @property
    def path(self) -> str:
        """Give the address of the account's page."""
        return f"/accounts/{self.caller.account_id}"


async def provide_caller(
    account_id: FromPath[str], person: SkipValidation[Person], doors: SkipValidation[Doors]
) -> Caller:
    """Give the person's place in the account; one answer, `not-found`, for what is not there and not theirs."""
    door, account = await doors.door_for(person, account_id)
    return await door.from_person(person, account)


async def provide_restorer(
    account_id: FromPath[str], person: SkipValidation[Person], doors: SkipValidation[Doors]
) -> Caller:
    """Give the person's place in an account that is suspended, for who comes to restore it."""
    door, account = await doors.door_for(person, account_id)
    return await door.from_person(person, account, to=RESTORE)


def provide_entered(
    caller: SkipValidation[Caller], plane: SkipValidation[RegionPlane], regions: SkipValidation[Regions]
) -> Entered:
    """Gather what pages inside an account are made of."""
    return Entered(caller, plane, regions)


INSIDE = {"caller": Provide(provide_caller), "entered": Provide(provide_entered, sync_to_thread=False)}
"""What handlers inside an account may ask for."""
RESTORING = {**INSIDE, "caller": Provide(provide_restorer)}
"""The same for who comes to restore one."""


def acts_open_to(caller: Caller) -> Mapping[str, bool]:
    """Tell which changes a page may offer, by the decision that would be asked when they are made."""
    return {act: caller.may(action).allowed for act, action in _ACTS.items()}


def reason_for_reading_only(caller: Caller) -> str | None:
    """Say by which role a caller changes nothing in the account; None for who may change something."""
    if any(acts_open_to(caller).values()):
        return None
    return caller.may(_ACTS["change"]).steps[-1].fact
