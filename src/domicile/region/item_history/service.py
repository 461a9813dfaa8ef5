"""Use cases about former versions of items, of those too that were deleted."""

from typing import Any

from domicile.infra.databases import RegionTx
from domicile.infra.json_patch import compare_json
from domicile.kernel.callers import Caller
from domicile.kernel.errors import invalid, not_found
from domicile.kernel.paging import Page, PageRequest
from domicile.kernel.services import Verb
from domicile.kernel.versions import Precondition
from domicile.region.item_history.domain import Difference, no_version
from domicile.region.item_log.domain import Contents, ItemVersion, Place
from domicile.region.item_log.store import find_version, list_versions, read_last_version
from domicile.region.items.domain import Change, Item, Wanted, no_item
from domicile.region.items.service import contents_faults, find_place, refuse, require_name, run
from domicile.region.items.store import find_item
from domicile.region.items.writing import ItemWriter
from domicile.region.plane import RegionPlane


async def list_item_versions(
    plane: RegionPlane, caller: Caller, wanted: Wanted, name: str, page: PageRequest
) -> Page[ItemVersion]:
    """List the versions of an item, the newest first; `not-found` if it never was."""
    place = find_place(plane, caller, wanted, Verb.READ)
    require_name(name)
    found = await plane.database.read(lambda tx: list_versions(tx, caller.account_id, place, name, page))
    if not found.items and page.after is None:
        raise not_found("item")
    return found


async def describe_version(
    plane: RegionPlane, caller: Caller, wanted: Wanted, name: str, version: int
) -> ItemVersion:
    """Find one version; `not-found`."""
    place = find_place(plane, caller, wanted, Verb.READ)
    require_name(name)
    return await plane.database.read(lambda tx: _get(tx, caller, place, name, version))


async def compare_versions(
    plane: RegionPlane, caller: Caller, wanted: Wanted, name: str, *, before: int | None, after: int | None
) -> Difference:
    """Say how one version comes of another: of the one before it if that is not named, and the newest if none is. `not-found`."""
    place = find_place(plane, caller, wanted, Verb.READ)
    require_name(name)

    async def work(tx: RegionTx) -> tuple[int, int, dict[str, Any], dict[str, Any]]:
        last = await read_last_version(tx, caller.account_id, place, name) if after is None else after
        first = max(last - 1, 0) if before is None else before
        older = {} if first == 0 else _as_json(await _get(tx, caller, place, name, first))
        newer = _as_json(await _get(tx, caller, place, name, last))
        return first, last, older, newer

    first, last, older, newer = await plane.database.read(work)
    return Difference(first, last, await compare_json(older, newer))


async def roll_back(
    plane: RegionPlane,
    caller: Caller,
    wanted: Wanted,
    name: str,
    version: int,
    *,
    expected: Precondition,
    dry_run: bool,
) -> Item:
    """Let an item hold what it held in a former version, as a new version; one that was deleted is made again.

    Needs the permission to update, or to create if the item was deleted. `invalid-input` where the schema of today, or a
    reference, does not let that version in; `not-found`; `stale-version`.
    """
    place = find_place(plane, caller, wanted, Verb.READ)
    require_name(name)

    async def work(tx: RegionTx) -> Item:
        writer = ItemWriter(plane, caller, tx)
        before = await find_item(tx, caller.account_id, place, name)
        caller.require(place.service.permission(place.kind, Verb.UPDATE if before else Verb.CREATE))
        contents = await _contents_of(tx, caller, place, name, version)
        told = {"restoredVersion": version}
        if before is None:
            restored = await writer.create(place, name, contents, told=told)
        else:
            expected(before.version)
            restored = await writer.update(place, before, contents, told=told)
        refuse(await writer.reference_faults(place, restored))
        return restored

    return await run(plane, work, dry_run=dry_run)


async def _contents_of(tx: RegionTx, caller: Caller, place: Place, name: str, version: int) -> Contents:
    former = await find_version(tx, caller.account_id, place, name, version)
    if former is None:
        if await read_last_version(tx, caller.account_id, place, name) == 0:
            raise no_item()
        raise invalid({"version": "is none that this item had"})
    if former.contents is None:
        raise invalid({"version": "is that of a deletion: name one in which the item was there"})
    contents = former.contents
    change = Change(contents.labels, contents.spec, contents.target)
    refuse(contents_faults(place, name, change, contents))
    return contents


async def _get(tx: RegionTx, caller: Caller, place: Place, name: str, version: int) -> ItemVersion:
    found = await find_version(tx, caller.account_id, place, name, version) if version > 0 else None
    if found is None:
        raise no_version()
    return found


def _as_json(version: ItemVersion) -> dict[str, Any]:
    return {} if version.contents is None else version.contents.as_json()
