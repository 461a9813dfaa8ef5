"""Use cases about cloud accounts: those about items, in the words of a cloud."""

from collections.abc import Mapping
from dataclasses import replace

from domicile.infra.databases import RegionTx
from domicile.kernel.callers import Caller
from domicile.kernel.cloud_accounts import NAME, Cloud, id_of, naming_member
from domicile.kernel.errors import invalid
from domicile.kernel.paging import Page, PageRequest
from domicile.kernel.services import Verb
from domicile.kernel.versions import Precondition
from domicile.region.items import service as items
from domicile.region.items.domain import Change, Item, Wanted
from domicile.region.items.writing import ItemWriter
from domicile.region.plane import RegionPlane


async def list_cloud_accounts(
    plane: RegionPlane, caller: Caller, cloud: Cloud, page: PageRequest
) -> Page[Item]:
    """List those of one cloud, in the order of their ids."""
    return await items.list_items(plane, caller, Wanted(NAME, cloud), (), page)


async def describe_cloud_account(plane: RegionPlane, caller: Caller, cloud: Cloud, name: str) -> Item:
    """Find one; `not-found`."""
    return await items.describe_item(plane, caller, Wanted(NAME, cloud), name)


async def add_cloud_account(
    plane: RegionPlane, caller: Caller, cloud: Cloud, members: Mapping[str, str]
) -> Item:
    """Write one down, by members that were accepted; its id follows from them. `item-exists`, `too-many-items`."""
    change = Change(spec=members)
    return await items.create_item(
        plane, caller, Wanted(NAME, cloud), id_of(cloud, members), change, dry_run=False
    )


async def change_cloud_account(
    plane: RegionPlane,
    caller: Caller,
    cloud: Cloud,
    name: str,
    members: Mapping[str, str],
    *,
    expected: Precondition,
) -> Item:
    """Replace members, which were accepted; the others stay.

    `not-found`, `stale-version`; `invalid-input` for an identifier of another cloud account.
    """
    place = items.find_place(plane, caller, Wanted(NAME, cloud), Verb.UPDATE)
    items.require_name(name)

    async def work(tx: RegionTx) -> Item:
        writer = ItemWriter(plane, caller, tx)
        before = await writer.get(place, name)
        expected(before.version)
        spec = {**before.contents.spec, **members}
        if id_of(cloud, spec) != name:
            raise invalid({naming_member(cloud): f"must stay one of {name}: add the other one beside it"})
        return await writer.update(place, before, replace(before.contents, spec=spec))

    return await plane.database.run_tx(work)


async def remove_cloud_account(
    plane: RegionPlane, caller: Caller, cloud: Cloud, name: str, *, expected: Precondition
) -> None:
    """Forget one, but for its versions; `not-found`, `stale-version`."""
    await items.delete_item(plane, caller, Wanted(NAME, cloud), name, expected=expected, dry_run=False)
