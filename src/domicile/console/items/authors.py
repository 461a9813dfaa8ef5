"""Who made a version, as far as the visitor may know."""

from collections.abc import Iterable, Mapping

from domicile.console.items.collection import Collection
from domicile.kernel.ids import UserId, find_user_id
from domicile.region.item_log.domain import ItemVersion
from domicile.region.memberships.service import name_members


async def name_authors(collection: Collection, versions: Iterable[ItemVersion]) -> dict[str, str]:
    """Say for the principal of each version who that is."""
    principals = {version.principal for version in versions}
    users = {user for principal in principals if (user := _user_of(principal))}
    names = await _names(collection, users)
    return {principal: _told(collection, principal, names) for principal in principals}


async def _names(collection: Collection, users: set[UserId]) -> Mapping[UserId, str]:
    if not users or not collection.caller.may("identity:user:read").allowed:
        return {}
    return await name_members(collection.plane, collection.caller, users)


def _told(collection: Collection, principal: str, names: Mapping[UserId, str]) -> str:
    kind, _, id_ = principal.partition("/")
    if kind == "apikey":
        return f"API key {id_}"
    if (user := _user_of(principal)) is None:
        return "Nobody knows any more"
    if user == collection.caller.principal.id:
        return f"{collection.caller.name} (you)"
    return names.get(user) or f"User {user}"


def _user_of(principal: str) -> UserId | None:
    kind, _, id_ = principal.partition("/")
    return find_user_id(id_) if kind == "user" else None
