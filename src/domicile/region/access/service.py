"""Questions about access, answered by the same function that enforces."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from domicile.infra.databases import RegionTx
from domicile.kernel.callers import Caller
from domicile.kernel.errors import not_found
from domicile.kernel.ids import find_api_key_id, find_user_id, region_of_api_key
from domicile.kernel.paging import Page, PageRequest
from domicile.kernel.permissions import Circumstances, Decision, Standing, decide
from domicile.kernel.urn import Principal
from domicile.region.access.domain import Holder
from domicile.region.audit.domain import Filters, by_caller
from domicile.region.audit.store import append_audit, list_events
from domicile.region.entering.door import Door
from domicile.region.plane import RegionPlane
from domicile.region.roster.service import PRINCIPALS, open_roster

EXPLAIN: Final = "identity:access:explain"
EXPLAINED: Final = "audit.access_explained.v1"
NOTED_EVERY: Final = timedelta(minutes=1)
"""Questions of one kind by one principal are written down at most so often."""

_RECENT: Final = 10
"""Questions of one minute that are looked at; there are three kinds."""


async def decide_access(door: Door, caller: Caller, principal: Principal, action: str) -> Decision:
    """Decide on an action of any principal in the caller's account, with the derivation.

    About oneself everybody in good standing may ask, and the present circumstances count; about others needs
    `identity:access:explain`, and only what is lasting counts, not an address or a token. A principal without a place here is
    told of in one way, whether it exists elsewhere or not.
    """
    if principal == caller.principal:
        return caller.may(action)
    caller.require(EXPLAIN)
    standing = await _standing_of(door, caller, principal)
    return decide(standing, action, Circumstances(door.plane.clock()))


async def explain_access(door: Door, caller: Caller, principal: Principal, action: str) -> Decision:
    """Decide as `decide_access` does; a question about somebody else is an audit event."""
    decision = await decide_access(door, caller, principal, action)
    if principal != caller.principal:
        told = {"principalURN": _urn(door.plane, caller, principal), "action": action}
        await note_question(door.plane, caller, "action of a principal", told)
    return decision


async def explain_permissions(door: Door, caller: Caller, principal: Principal) -> tuple[Decision, ...]:
    """Decide on every action that any role can grant, in their order, as `explain_access` does on one."""
    if principal == caller.principal:
        return tuple(caller.may(action) for action in door.plane.catalogue.permissions)
    caller.require(EXPLAIN)
    standing, circumstances = await _standing_of(door, caller, principal), Circumstances(door.plane.clock())
    told = {"principalURN": _urn(door.plane, caller, principal)}
    await note_question(door.plane, caller, "permissions of a principal", told)
    return tuple(decide(standing, action, circumstances) for action in door.plane.catalogue.permissions)


async def list_holders(plane: RegionPlane, caller: Caller, action: str, page: PageRequest) -> Page[Holder]:
    """List the users and keys of the caller's account that may do something, users first; only what is lasting counts."""
    caller.require(EXPLAIN)
    if page.after is None:
        await note_question(plane, caller, "principals for an action", {"action": action})
    circumstances = Circumstances(plane.clock())

    async def read(tx: RegionTx) -> Page[Holder]:
        roster = await open_roster(tx, plane.catalogue, caller.account_id, circumstances.now)
        if roster is None:
            raise not_found("account")
        holders: list[Holder] = []
        async for entry in roster.every_entry(kinds=PRINCIPALS, after=page.after):
            decision = decide(entry.standing, action, circumstances)
            if decision.allowed and len(holders) == page.limit:
                return Page(tuple(holders), holders[-1].entry.place)
            if decision.allowed:
                holders.append(Holder(entry, decision))
        return Page(tuple(holders), None)

    return await plane.database.read(read)


async def note_question(
    plane: RegionPlane, caller: Caller, question: str, told: Mapping[str, object]
) -> None:
    """Write down that somebody asked about others, unless they asked such a question within the last minute."""
    now = plane.clock()

    async def was_noted(tx: RegionTx) -> bool:
        since = now - NOTED_EVERY
        recent = Filters(since=since, type=EXPLAINED, principal=caller.principal)
        page = await list_events(tx, caller.account_id, PageRequest(_RECENT, None), recent)
        return any(found.event.details.get("question") == question for found in page.items)

    async def note(tx: RegionTx) -> None:
        if not await was_noted(tx):
            details = {"question": question, **told}
            await append_audit(tx, by_caller(caller, EXPLAINED, details, now=now))

    # Most often it was: then nothing is written, and nobody waits for the one writer.
    if not await plane.database.read(was_noted):
        await plane.database.run_tx(note)


def _urn(plane: RegionPlane, caller: Caller, principal: Principal) -> str:
    return plane.urns(caller.account_id).make(principal.kind, principal.id)


async def _standing_of(door: Door, caller: Caller, principal: Principal) -> Standing:
    account = caller.standing.account
    nowhere = Standing(principal, account, None)
    if principal.kind == "user":
        user = find_user_id(principal.id)
        member = await door.standings.find_member(account.id, user) if user else None
        return member.standing if member else nowhere
    key = find_api_key_id(principal.id)
    if key is None or region_of_api_key(key) != account.region:
        return nowhere
    copy = await door.standings.find_key(key)
    return copy.standing if copy and copy.standing.account.id == account.id else nowhere
