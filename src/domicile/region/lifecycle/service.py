"""Use cases about the end of an account: suspending it, restoring it, and warning its users before it is purged."""

from datetime import datetime, timedelta

from domicile.infra.databases import RegionTx
from domicile.kernel.callers import Caller
from domicile.kernel.clock import whole_seconds
from domicile.kernel.errors import not_found
from domicile.kernel.ids import AccountId, new_receipt_id
from domicile.kernel.permissions import RESTORE, AccountState, not_suspended, restore_too_late, suspended
from domicile.kernel.versions import Precondition
from domicile.region.accounts.domain import Account, Suspension
from domicile.region.accounts.service import log_account_change
from domicile.region.accounts.store import find_account
from domicile.region.audit.domain import by_caller
from domicile.region.audit.store import append_audit
from domicile.region.history.domain import Remembered, account_facts
from domicile.region.history.store import append_history
from domicile.region.lifecycle import store
from domicile.region.lifecycle.domain import Pending, warning_due
from domicile.region.outbox.store import PURGE_WARNING_MAIL, SUSPENSION_MAIL
from domicile.region.plane import RegionPlane
from domicile.region.service_events.domain import Happening
from domicile.region.service_events.store import append_service_event

_ACCOUNTS_AT_ONCE = 50


async def suspend_account(plane: RegionPlane, caller: Caller, expected: Precondition) -> Account:
    """Close the caller's account to everybody from the next request on, and have it purged once its time is over.

    Everything in it stays until then, and every user with full access is told. `account-suspended` if another was first;
    `person-required` for a key: no program ends an account; `reauthentication-required`.
    """
    caller.require("identity:account:delete")
    caller.require_person()
    caller.require_fresh()
    account = caller.account_id

    async def work(tx: RegionTx) -> Account:
        before = await _get(tx, account)
        if before.suspension is not None:
            raise suspended(before.suspension.purge_after)
        expected(before.version)
        days = plane.settings.accounts.suspension_days
        now = plane.clock()
        # A whole second, as it is told on the wire and in mails.
        purge_after = (now + timedelta(days=days)).replace(microsecond=0)
        suspension = Suspension(now, purge_after, new_receipt_id(plane.id))
        version = await log_account_change(plane, tx, account, revokes=True)
        await _remember(tx, before, AccountState.SUSPENDED, seq=version, now=now)
        if not await store.suspend(tx, account, suspension, version=version, warned_days=days):
            raise not_found("account")
        details = {
            "purgeAfter": whole_seconds(suspension.purge_after),
            "receiptID": suspension.receipt_id,
        }
        await append_audit(tx, by_caller(caller, "audit.account_suspended.v1", details, now=now))
        await append_service_event(plane, tx, Happening.ACCOUNT_SUSPENDED, account, seq=version)
        await _ask_for_mails(plane, tx, account, SUSPENSION_MAIL, version=version)
        return await _get(tx, account)

    made = await plane.database.run_tx(work)
    await plane.index_now(account)
    return made


async def restore_account(plane: RegionPlane, caller: Caller) -> Account:
    """Open a suspended account again, with everything as it was.

    `account-not-suspended`, or `restore-too-late` from the moment at which it is due to be purged; between this and the purge one
    conditional change decides.
    """
    caller.require(RESTORE)
    account = caller.account_id

    async def work(tx: RegionTx) -> Account:
        before = await _get(tx, account)
        if before.suspension is None:
            raise not_suspended()
        now = plane.clock()
        version = await log_account_change(plane, tx, account, revokes=False)
        await _remember(tx, before, AccountState.ACTIVE, seq=version, now=now)
        if not await store.restore(tx, account, version=version, now=now):
            raise restore_too_late()
        details = {"suspended": whole_seconds(before.suspension.since)}
        await append_audit(tx, by_caller(caller, "audit.account_restored.v1", details, now=now))
        await append_service_event(plane, tx, Happening.ACCOUNT_RESTORED, account, seq=version)
        return await _get(tx, account)

    restored = await plane.database.run_tx(work)
    await plane.index_now(account)
    return restored


async def warn_of_purges(plane: RegionPlane) -> int:
    """Have the users with full access warned of each purge that comes near; tells of how many accounts.

    Each warning is asked for once, by whichever worker is first, and none after the account was restored.
    """
    now = plane.clock()
    pending = await plane.database.read(
        lambda tx: store.list_unwarned(tx, now=now, at_most=_ACCOUNTS_AT_ONCE)
    )
    return sum([await _warn(plane, each, days) for each in pending if (days := warning_due(each, now))])


async def _warn(plane: RegionPlane, pending: Pending, days: int) -> bool:
    async def work(tx: RegionTx) -> bool:
        if not await store.note_warning(tx, pending, days):
            return False
        await _ask_for_mails(plane, tx, pending.account_id, PURGE_WARNING_MAIL, version=pending.version)
        return True

    return await plane.database.run_tx(work)


async def _ask_for_mails(
    plane: RegionPlane, tx: RegionTx, account: AccountId, kind: str, *, version: int
) -> None:
    for user in await store.list_owners(tx, account):
        await plane.outbox.append(tx, kind, owner_id=account, subject_id=user, version=version)


async def _remember(tx: RegionTx, account: Account, became: AccountState, *, seq: int, now: datetime) -> None:
    facts = account_facts(became, mfa_required=account.mfa_required)
    await append_history(tx, account.id, Remembered.ACCOUNT, account.id, seq=seq, facts=facts, now=now)


async def _get(tx: RegionTx, account_id: AccountId) -> Account:
    account = await find_account(tx, account_id)
    if account is None or account.state is AccountState.PURGING:
        raise not_found("account")
    return account
