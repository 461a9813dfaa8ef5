"""Use cases about accounts: creating one across two planes without ever showing half of it, describing, modifying."""

from domicile.directory.accounts import store as directory_accounts
from domicile.directory.accounts.store import REQUEST_MEMORY, RequestMark
from domicile.directory.departures.store import find_leaver
from domicile.directory.memberships.store import IndexedMembership, list_memberships
from domicile.infra.databases import Database, DirectoryTx, RegionTx
from domicile.infra.idempotency import RequestKey, reused
from domicile.kernel.callers import Caller, Person, user_leaving
from domicile.kernel.errors import not_found
from domicile.kernel.ids import AccountId, UserId, new_account_id
from domicile.kernel.paging import Page, PageRequest
from domicile.kernel.permissions import AccountState, MemberState
from domicile.kernel.roles import FULL_ACCESS
from domicile.kernel.versions import Precondition
from domicile.region.access_log.store import Changed, append_access_log
from domicile.region.accounts import store
from domicile.region.accounts.domain import (
    Account,
    AccountChange,
    NewAccount,
    differences,
    mfa_locks_everyone_out,
)
from domicile.region.audit.domain import by_caller, by_person
from domicile.region.audit.store import append_audit
from domicile.region.contacts.store import insert_contacts
from domicile.region.history.domain import Remembered, account_facts, member_facts
from domicile.region.history.store import append_history
from domicile.region.leavers.store import require_staying
from domicile.region.memberships.service import log_membership_change
from domicile.region.memberships.store import insert_member
from domicile.region.outbox.store import ACCOUNT_INDEX
from domicile.region.plane import RegionPlane
from domicile.region.service_events.domain import Happening
from domicile.region.service_events.store import append_service_event


async def create_account(
    plane: RegionPlane, person: Person, new: NewAccount, request: RequestKey | None
) -> Account:
    """Create an account in this region, for ever, with its creator as first user with full access.

    Two steps: the directory gives out an id, then everything about the account is written in one transaction of the region. A crash
    between the two leaves an id that nobody sees and nobody gets again; a repeated request with the same key goes on where the
    first one stopped. `idempotency-key-reused` if the key came with another body; `user-leaving` for who asked to be deleted.
    """
    account_id = await _reserve_id(plane, person, request)

    async def found(tx: RegionTx) -> Account:
        await require_staying(tx, person.user_id)
        if (made_before := await store.find_account(tx, account_id)) is not None:
            return made_before
        await _write_account(plane, tx, account_id, person, new)
        return await _get(tx, account_id)

    account = await plane.database.run_tx(found)
    await plane.index_now(account_id)
    return account


async def _reserve_id(plane: RegionPlane, person: Person, request: RequestKey | None) -> AccountId:
    mark = RequestMark(request.key, _keyed(plane, request)) if request else None

    async def reserve(tx: DirectoryTx) -> AccountId:
        now = plane.clock()
        if await find_leaver(tx, person.user_id) is not None:
            raise user_leaving()
        if mark is not None:
            await directory_accounts.forget_request(tx, person.user_id, mark, before=now - REQUEST_MEMORY)
        while True:
            if mark is not None and (
                earlier := await directory_accounts.find_by_request(tx, person.user_id, mark)
            ):
                given, digest = earlier
                if digest != mark.digest:
                    raise reused()
                return given
            drawn = new_account_id()
            if await directory_accounts.reserve_id(
                tx, drawn, plane.id, creator=person.user_id, now=now, mark=mark
            ):
                return drawn

    return await plane.directory.run_tx(reserve)


def _keyed(plane: RegionPlane, request: RequestKey) -> bytes:
    """Fingerprint the body, which has the alias in it, so that who reads the directory cannot try aliases out."""
    return plane.link_hash.of(f"account request {request.digest.hex()}")


async def _write_account(
    plane: RegionPlane, tx: RegionTx, account_id: AccountId, person: Person, new: NewAccount
) -> None:
    now = plane.clock()
    version = await log_account_change(plane, tx, account_id, revokes=False)
    active = account_facts(AccountState.ACTIVE, mfa_required=False)
    await append_history(tx, account_id, Remembered.ACCOUNT, account_id, seq=version, facts=active, now=now)
    await store.insert_account(tx, account_id, new, creator=person.user_id, version=version, now=now)
    await append_service_event(plane, tx, Happening.ACCOUNT_CREATED, account_id, seq=version)
    became = member_facts(FULL_ACCESS, MemberState.ENABLED)
    joined = await log_membership_change(plane, tx, account_id, person.user_id, became)
    await insert_member(tx, account_id, person.card(), role=FULL_ACCESS, version=joined, now=now)
    await insert_contacts(tx, account_id, person.email, now=now)
    details = {"alias": new.alias, "roleID": FULL_ACCESS, "userID": person.user_id}
    await append_audit(tx, by_person(person, account_id, "audit.account_created.v1", details, now=now))


async def list_my_accounts(
    directory: Database[DirectoryTx], user: UserId, page: PageRequest
) -> Page[IndexedMembership]:
    """List a person's accounts across all regions, oldest first, from the directory alone."""
    return await directory.read(lambda tx: list_memberships(tx, user, page))


async def describe_account(plane: RegionPlane, caller: Caller) -> Account:
    """Describe the caller's account."""
    caller.require("identity:account:read")
    return await plane.database.read(lambda tx: _get(tx, caller.account_id))


async def modify_account(
    plane: RegionPlane, caller: Caller, change: AccountChange, expected: Precondition
) -> Account:
    """Change alias, locale, time zone of the caller's account, or whether it asks everybody for a second factor.

    The last holds from the next request on, on every session and account token; keys have no second factor and go on. It wants a
    caller who has shown lately who they are (`reauthentication-required`), and to ask for a factor one who has used theirs
    (`mfa-required`), while an enabled user with full access has one (`mfa-locks-everyone-out`).
    """
    caller.require("identity:account:update")

    async def work(tx: RegionTx) -> Account:
        now = plane.clock()
        before = await _get(tx, caller.account_id)
        expected(before.version)
        if not (changed := differences(before, change)):
            return before
        asks_anew = changed.get("mfaRequired")
        if asks_anew is not None:
            check_may_set_mfa(caller, is_required=bool(asks_anew))
        version = await log_account_change(plane, tx, caller.account_id, revokes=bool(asks_anew))
        await store.update_account(tx, caller.account_id, change, version=version, now=now)
        if asks_anew is not None:
            await _set_mfa(tx, caller, before, is_required=bool(asks_anew), version=version)
        await append_audit(tx, by_caller(caller, "audit.account_updated.v1", {"changed": changed}, now=now))
        return await _get(tx, caller.account_id)

    account = await plane.database.run_tx(work)
    await plane.index_now(account.id)
    return account


def check_may_set_mfa(caller: Caller, *, is_required: bool) -> None:
    """Refuse whoever would lock themselves out (`mfa-required`), or has not shown lately who they are (`reauthentication-required`)."""
    if is_required:
        caller.require_second_factor("Ask others for a second factor once you have used yours")
    caller.require_fresh()


async def _set_mfa(tx: RegionTx, caller: Caller, before: Account, *, is_required: bool, version: int) -> None:
    # What the token says of its own person is newer than their card, which may still be on its way.
    proven = UserId(caller.principal.id) if caller.mfa_used else None
    if not await store.set_mfa_required(tx, before.id, is_required=is_required, proven=proven):
        raise mfa_locks_everyone_out()
    facts = account_facts(before.state, mfa_required=is_required)
    now = caller.circumstances.now
    await append_history(tx, before.id, Remembered.ACCOUNT, before.id, seq=version, facts=facts, now=now)


async def log_account_change(plane: RegionPlane, tx: RegionTx, account: AccountId, *, revokes: bool) -> int:
    """Announce a change of an account to all copies, here and in the directory; gives the account's new version."""
    version = await append_access_log(
        tx, Changed.ACCOUNT, account, account, now=plane.clock(), bump=plane.bump_access_log, revokes=revokes
    )
    await plane.outbox.append(tx, ACCOUNT_INDEX, owner_id=account, subject_id=account, version=version)
    return version


async def _get(tx: RegionTx, account_id: AccountId) -> Account:
    if (account := await store.find_account(tx, account_id)) is None:
        raise not_found("account")
    return account
