"""All doors of one node: finds the one that a credential belongs to."""

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog

from domicile.directory.memberships.store import find_region_for
from domicile.infra.delivery import error_name
from domicile.kernel.callers import Caller, Origin, Person
from domicile.kernel.errors import not_found, unauthenticated
from domicile.kernel.ids import AccountId, RegionId, find_account_id, find_api_key_id, region_of_api_key
from domicile.region.entering.door import Door
from domicile.region.entering.keys import claimed_region
from domicile.region.regions import Regions

_SIGN_OUT_SECONDS: Final = 2.0
_log = structlog.get_logger("domicile.doors")


@dataclass(frozen=True, slots=True)
class Doors:
    """The regions, and the door of each that this node serves."""

    regions: Regions
    by_region: dict[RegionId, Door]

    async def from_api_key(self, credential: str, origin: Origin) -> Caller:
        """Recognise `<id>:<secret>`; `wrong-region` (421) for a key whose id names a region that another node serves."""
        text, _, secret = credential.partition(":")
        key = find_api_key_id(text)
        if key is None or (region := region_of_api_key(key)) not in {known.id for known in self.regions.all}:
            raise unauthenticated("credential-refused", "This credential is not, or no longer, valid here.")
        self.regions.plane(region)
        return await self.by_region[region].from_api_key(key, secret, origin)

    async def from_account_token(self, token: str, origin: Origin) -> Caller:
        """Recognise an account token; `wrong-region` (421) for one that says it is of a region that another node serves.

        What the token says only chooses whom to ask: a region believes nothing but its own key.
        """
        region = claimed_region(token)
        if region is None or region not in {known.id for known in self.regions.all}:
            raise unauthenticated("credential-refused", "This credential is not, or no longer, valid here.")
        self.regions.plane(region)
        return await self.by_region[region].from_account_token(token, origin)

    async def door_for(self, person: Person, account_id: str) -> tuple[Door, AccountId]:
        """Find the door of one of a person's accounts; one answer, in one time, for what is not there and not theirs."""
        account = find_account_id(account_id)
        if account is None:
            raise not_found("account")
        region = await self.regions.directory.read(lambda tx: find_region_for(tx, person.user_id, account))
        if region is None:
            raise not_found("account")
        self.regions.plane(region)
        return self.by_region[region], account

    async def note_sign_out(self, person: Person) -> None:
        """Let every region that this node serves write a sign-out down, as far as that is done in two seconds; never fails."""
        for region, door in self.by_region.items():
            try:
                async with asyncio.timeout(_SIGN_OUT_SECONDS):
                    await door.note_sign_out(person)
            except Exception as error:  # noqa: BLE001  # the session has ended, whether it is written down or not
                _log.warning("sign_out_not_noted", region=region, error=error_name(error))

    def door_of(self, caller: Caller) -> Door:
        """Give the door through which a caller came."""
        return self.by_region[caller.region]

    @staticmethod
    def check_scope(caller: Caller, account_id: str | None) -> None:
        """Refuse (`not-found`) a path that names another account than the credential's own."""
        if account_id is not None and account_id != caller.account_id:
            raise not_found("account")
