"""Use cases about items: each asks for the permission of its kind and verb, and lets nothing in that the schema refuses."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from domicile.infra.databases import RegionTx
from domicile.infra.json_schemas import find_faults
from domicile.kernel.callers import Caller
from domicile.kernel.errors import invalid, not_found, stale
from domicile.kernel.paging import Page, PageRequest
from domicile.kernel.services import Verb
from domicile.kernel.versions import Precondition
from domicile.region.audit.domain import AuditEvent, by_caller
from domicile.region.audit.store import append_audit
from domicile.region.items import store
from domicile.region.items.domain import (
    LARGEST_SPEC_BYTES,
    Item,
    Place,
    Wanted,
    is_item_name,
    item_exists,
    label_faults,
    name_faults,
    too_many_items,
)
from domicile.region.plane import RegionPlane


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


async def list_items(plane: RegionPlane, caller: Caller, wanted: Wanted, page: PageRequest) -> Page[Item]:
    """List the account's items of one kind, in the order of their names."""
    place = find_place(plane, caller, wanted, Verb.READ)
    return await plane.database.read(lambda tx: store.list_items(tx, caller.account_id, place, page))


async def describe_item(plane: RegionPlane, caller: Caller, wanted: Wanted, name: str) -> Item:
    """Find an item; `not-found`."""
    place = find_place(plane, caller, wanted, Verb.READ)
    return await plane.database.read(lambda tx: _get(tx, caller, place, name))


async def create_item(
    plane: RegionPlane,
    caller: Caller,
    wanted: Wanted,
    *,
    name: str,
    labels: Mapping[str, str],
    spec: Mapping[str, Any],
) -> Item:
    """Make an item. `invalid-input` names every fault by JSON pointer; `item-exists`; `too-many-items`."""
    place = find_place(plane, caller, wanted, Verb.CREATE)
    _check(place, name_faults(name), labels=labels, spec=spec)
    now = plane.clock()
    made = Item(name, labels, spec, version=1, created_at=now, modified_at=now)

    async def work(tx: RegionTx) -> Item:
        if await store.count_items(tx, caller.account_id, place) >= place.kind.most:
            raise too_many_items(place)
        if not await store.insert_item(tx, caller.account_id, place, made):
            raise item_exists()
        await append_audit(tx, _event(plane, caller, "audit.item_created.v1", place, made))
        return made

    return await plane.database.run_tx(work)


async def change_item(
    plane: RegionPlane,
    caller: Caller,
    wanted: Wanted,
    name: str,
    *,
    labels: Mapping[str, str] | None,
    spec: Mapping[str, Any] | None,
    expected: Precondition,
) -> Item:
    """Replace the labels of an item, or what it holds, or both (None: stays). `invalid-input`, `stale-version`."""
    place = find_place(plane, caller, wanted, Verb.UPDATE)
    _check(place, {}, labels=labels, spec=spec)

    async def work(tx: RegionTx) -> Item:
        before = await _get(tx, caller, place, name)
        expected(before.version)
        after = replace(
            before,
            labels=before.labels if labels is None else labels,
            spec=before.spec if spec is None else spec,
        )
        if after == before:
            return before
        after = replace(after, version=before.version + 1, modified_at=plane.clock())
        if not await store.update_item(tx, caller.account_id, place, after):
            raise stale()
        await append_audit(tx, _event(plane, caller, "audit.item_updated.v1", place, after))
        return after

    return await plane.database.run_tx(work)


async def delete_item(
    plane: RegionPlane, caller: Caller, wanted: Wanted, name: str, expected: Precondition
) -> None:
    """Delete an item; `not-found`, `stale-version`."""
    place = find_place(plane, caller, wanted, Verb.DELETE)

    async def work(tx: RegionTx) -> None:
        item = await _get(tx, caller, place, name)
        expected(item.version)
        if not await store.delete_item(tx, caller.account_id, place, item):
            raise stale()
        await append_audit(tx, _event(plane, caller, "audit.item_deleted.v1", place, item))

    await plane.database.run_tx(work)


def _check(
    place: Place,
    faults: dict[str, str],
    *,
    labels: Mapping[str, str] | None,
    spec: Mapping[str, Any] | None,
) -> None:
    faults = faults | label_faults(labels or {})
    if spec is not None:
        if len(json.dumps(spec)) > LARGEST_SPEC_BYTES:
            faults["/spec"] = f"must be at most {LARGEST_SPEC_BYTES // 1024} KiB"
        else:
            found = find_faults(place.kind.schema, spec)
            faults |= {f"/spec{pointer}": told for pointer, told in found.items()}
    if faults:
        raise invalid(faults)


async def _get(tx: RegionTx, caller: Caller, place: Place, name: str) -> Item:
    found = await store.find_item(tx, caller.account_id, place, name) if is_item_name(name) else None
    if found is None:
        raise not_found("item")
    return found


def _event(plane: RegionPlane, caller: Caller, type_: str, place: Place, item: Item) -> AuditEvent:
    details: dict[str, object] = {
        "service": place.service.name,
        "kind": place.kind.name,
        "name": item.name,
        "version": item.version,
    }
    return by_caller(caller, type_, details, now=plane.clock())
