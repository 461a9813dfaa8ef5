"""Use cases about items: each asks for the permission of its kind and verb, and lets nothing in that the schema refuses."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from domicile.infra.databases import RegionTx
from domicile.infra.json_schemas import find_faults
from domicile.kernel.callers import Caller
from domicile.kernel.errors import invalid, not_found
from domicile.kernel.labels import Requirement
from domicile.kernel.paging import Page, PageRequest
from domicile.kernel.services import Service, Verb
from domicile.kernel.versions import Precondition
from domicile.region.item_log.domain import Contents, Place
from domicile.region.items import store
from domicile.region.items.domain import (
    DEEPEST,
    LARGEST_SPEC_BYTES,
    MOST_REFERENCES,
    Change,
    Item,
    Named,
    Wanted,
    change_faults,
    find_named,
    is_item_name,
    is_too_deep,
    lacks_target,
    name_faults,
    no_item,
)
from domicile.region.items.writing import ItemWriter
from domicile.region.plane import RegionPlane

ResultT = TypeVar("ResultT")


def find_place(plane: RegionPlane, caller: Caller, wanted: Wanted, verb: Verb) -> Place:
    """Find a kind of a service that runs in the caller's region, and require the permission to do this to its items.

    `not-found` for a service or kind that is not there; `not-permitted`.
    """
    for known in plane.catalogue.offered_in(plane.id):
        for kind in known.kinds:
            if (known.name, kind.plural) == (wanted.service, wanted.plural):
                caller.require(known.permission(kind, verb))
                return Place(known, kind)
    raise not_found("kind of items")


async def list_items(
    plane: RegionPlane, caller: Caller, wanted: Wanted, selector: Sequence[Requirement], page: PageRequest
) -> Page[Item]:
    """List the account's items of one kind that the selector chooses, in the order of their names."""
    place = find_place(plane, caller, wanted, Verb.READ)
    return await plane.database.read(
        lambda tx: store.list_items(tx, caller.account_id, place, selector, page)
    )


async def count_items(plane: RegionPlane, caller: Caller, service: Service) -> Mapping[str, int]:
    """Count what the account keeps in a service, by kind; the kinds of which the caller may read no item are not there."""
    counted = await plane.database.read(lambda tx: store.count_by_kind(tx, caller.account_id, service.name))
    return {kind: counted.get(kind, 0) for kind in _kinds_to_read(caller, service)}


async def list_users_of_item(
    plane: RegionPlane, caller: Caller, wanted: Wanted, name: str
) -> tuple[Named, ...]:
    """List the other items that name this one, of the kinds that the caller may read; of more than 26, some."""
    place = find_place(plane, caller, wanted, Verb.READ)
    require_name(name)
    found = await plane.database.read(lambda tx: store.list_users(tx, caller.account_id, place, name))
    readable = _kinds_to_read(caller, place.service)
    return tuple(user for user in found if user.kind in readable)


async def describe_item(plane: RegionPlane, caller: Caller, wanted: Wanted, name: str) -> Item:
    """Find an item; `not-found`."""
    place = find_place(plane, caller, wanted, Verb.READ)
    require_name(name)
    return await plane.database.read(lambda tx: ItemWriter(plane, caller, tx).get(place, name))


async def create_item(
    plane: RegionPlane, caller: Caller, wanted: Wanted, name: str, change: Change, *, dry_run: bool
) -> Item:
    """Make an item. `invalid-input` names every fault by JSON pointer; `item-exists`; `too-many-items`."""
    place = find_place(plane, caller, wanted, Verb.CREATE)
    contents = change.apply_to(Contents({}))
    refuse(name_faults(name) | contents_faults(place, name, change, contents))

    async def work(tx: RegionTx) -> Item:
        writer = ItemWriter(plane, caller, tx)
        made = await writer.create(place, name, contents)
        refuse(await writer.reference_faults(place, made))
        return made

    return await run(plane, work, dry_run=dry_run)


async def change_item(
    plane: RegionPlane,
    caller: Caller,
    wanted: Wanted,
    name: str,
    change: Change,
    *,
    expected: Precondition,
    dry_run: bool,
) -> Item:
    """Replace what a change says of an item. `invalid-input`, `not-found`, `stale-version`."""
    place = find_place(plane, caller, wanted, Verb.UPDATE)
    require_name(name)
    refuse(contents_faults(place, name, change, None))

    async def work(tx: RegionTx) -> Item:
        writer = ItemWriter(plane, caller, tx)
        before = await writer.get(place, name)
        expected(before.version)
        after = await writer.update(place, before, change.apply_to(before.contents))
        refuse(await writer.reference_faults(place, after) if change.spec is not None else {})
        return after

    return await run(plane, work, dry_run=dry_run)


async def delete_item(
    plane: RegionPlane, caller: Caller, wanted: Wanted, name: str, *, expected: Precondition, dry_run: bool
) -> None:
    """Delete an item; `not-found`, `stale-version`, `item-in-use` while another item names it."""
    place = find_place(plane, caller, wanted, Verb.DELETE)
    require_name(name)

    async def work(tx: RegionTx) -> None:
        writer = ItemWriter(plane, caller, tx)
        item = await writer.get(place, name)
        expected(item.version)
        await writer.delete(place, item)

    await run(plane, work, dry_run=dry_run)


async def run(
    plane: RegionPlane, work: Callable[[RegionTx], Awaitable[ResultT]], *, dry_run: bool
) -> ResultT:
    """Run a change, or do all of it but keep it."""
    if dry_run:
        return await plane.database.rehearse(work)
    return await plane.database.run_tx(work)


def _kinds_to_read(caller: Caller, service: Service) -> frozenset[str]:
    readable = (kind for kind in service.kinds if caller.may(service.permission(kind, Verb.READ)).allowed)
    return frozenset(kind.name for kind in readable)


def require_name(name: str) -> None:
    """Refuse (`not-found`) what can be no item's name before a database is asked."""
    if not is_item_name(name):
        raise no_item()


def refuse(faults: dict[str, str]) -> None:
    """Refuse (`invalid-input`) if anything is wrong."""
    if faults:
        raise invalid(faults)


def contents_faults(place: Place, name: str, change: Change, made: Contents | None) -> dict[str, str]:
    """Say what is wrong with what is to be written to the item of this name, by JSON pointer; `made` is the whole of a new one."""
    faults = change_faults(place, change)
    if made is not None and lacks_target(place, made):
        faults["/target"] = "is missing: a deployment says where it is put to work"
    if change.spec is None:
        return faults
    if is_too_deep(change.spec):
        return faults | {"/spec": f"must not lie more than {DEEPEST} deep"}
    if len(json.dumps(change.spec)) > LARGEST_SPEC_BYTES:
        return faults | {"/spec": f"must be at most {LARGEST_SPEC_BYTES // 1024} KiB"}
    found = find_faults(place.kind.schema, change.spec)
    if not found and place.kind.further_faults is not None:
        found.update(place.kind.further_faults(name, change.spec))
    faults |= {f"/spec{pointer}": told for pointer, told in found.items()}
    if len(find_named(place.kind, change.spec)) > MOST_REFERENCES:
        faults["/spec"] = f"must name at most {MOST_REFERENCES} items"
    return faults
