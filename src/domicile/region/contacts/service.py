"""Use cases about an account's contacts."""

from domicile.infra.databases import RegionTx
from domicile.kernel.callers import Caller
from domicile.kernel.errors import not_found, stale
from domicile.kernel.ids import AccountId
from domicile.kernel.versions import Precondition
from domicile.region.audit.domain import by_caller
from domicile.region.audit.store import append_audit
from domicile.region.contacts import store
from domicile.region.contacts.domain import Contacts, ContactsChange, apply_change, changed_lists
from domicile.region.plane import RegionPlane


async def describe_contacts(plane: RegionPlane, caller: Caller) -> Contacts:
    """Describe the contacts of the caller's account."""
    caller.require("identity:account:read")
    return await plane.database.read(lambda tx: _get(tx, caller.account_id))


async def change_contacts(
    plane: RegionPlane, caller: Caller, change: ContactsChange, expected: Precondition
) -> Contacts:
    """Replace lists of the caller's account; the audit says which, and never an address."""
    caller.require("identity:account:update")

    async def work(tx: RegionTx) -> Contacts:
        now = plane.clock()
        before = await _get(tx, caller.account_id)
        expected(before.version)
        after = apply_change(before, change, now=now)
        if after is before:
            return before
        if not await store.update_contacts(tx, caller.account_id, after):
            raise stale()
        details = {"addresses": changed_lists(before, after)}
        await append_audit(tx, by_caller(caller, "audit.contacts_updated.v1", details, now=now))
        return after

    return await plane.database.run_tx(work)


async def _get(tx: RegionTx, account: AccountId) -> Contacts:
    if (found := await store.find_contacts(tx, account)) is None:
        raise not_found("account")
    return found
