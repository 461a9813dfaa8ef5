"""Questions about access, answered by the same function that enforces."""

from domicile.kernel.callers import Caller
from domicile.kernel.ids import find_api_key_id, find_user_id, region_of_api_key
from domicile.kernel.permissions import Circumstances, Decision, Standing, decide
from domicile.kernel.urn import Principal
from domicile.region.entering.door import Door


async def explain_access(door: Door, caller: Caller, principal: Principal, action: str) -> Decision:
    """Decide on an action of any principal in the caller's account, with the derivation.

    About oneself everybody in good standing may ask, and the present circumstances count; about others needs
    `identity:access:explain`, and only what is lasting counts, not an address or a token. A principal without a place here is
    told of in one way, whether it exists elsewhere or not.
    """
    if principal == caller.principal:
        return caller.may(action)
    caller.require("identity:access:explain")
    standing = await _standing_of(door, caller, principal)
    return decide(standing, action, Circumstances(door.plane.clock()))


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
