"""An account as far as each visitor may know it, for the frame of its pages."""

from dataclasses import dataclass

from domicile.console.accounts.entered import READ_ACCOUNT, Entered
from domicile.kernel.ids import AccountId
from domicile.region.accounts.service import describe_account


@dataclass(frozen=True, slots=True)
class NamedAccount:
    """An account as far as whoever works in its services alone may know it."""

    id: AccountId
    alias: str


async def name_account(entered: Entered) -> NamedAccount:
    """Give the account's alias, or its id to who may not read it."""
    caller = entered.caller
    if not caller.may(READ_ACCOUNT).allowed:
        return NamedAccount(caller.account_id, f"Account {caller.account_id}")
    return NamedAccount(caller.account_id, (await describe_account(entered.plane, caller)).alias)
