"""The use case that brings many items to what is wished of them, in one transaction."""

from collections.abc import Sequence
from dataclasses import replace

from domicile.infra.databases import RegionTx
from domicile.infra.json_patch import compare_json
from domicile.kernel.callers import Caller
from domicile.kernel.errors import DomainError, invalid, stale
from domicile.kernel.services import Verb
from domicile.region.item_apply.domain import MOST_AT_ONCE, Applied, Outcome, Wish, repeated
from domicile.region.item_log.domain import Contents, Place
from domicile.region.items.domain import Change, Item, name_faults
from domicile.region.items.service import contents_faults, refuse, run
from domicile.region.items.store import find_item
from domicile.region.items.writing import ItemWriter
from domicile.region.plane import RegionPlane

_Placed = tuple[Place, Wish]


async def apply_items(
    plane: RegionPlane, caller: Caller, wishes: Sequence[Wish], *, dry_run: bool
) -> list[Applied]:
    """Bring every item to what is wished of it, or none; tells what came of each, in the order of the wishes.

    Items may name each other in any order. Needs the permission to read each kind, and to create or update what is created or
    updated. `invalid-input` names every fault by JSON pointer; `stale-version`, `too-many-items`.
    """
    if not 0 < len(wishes) <= MOST_AT_ONCE:
        raise invalid({"/items": f"must hold 1 to {MOST_AT_ONCE} items"})
    placed = _find_places(plane, caller, wishes)
    faults = repeated(wishes)
    for index, (place, wish) in enumerate(placed):
        found = name_faults(wish.name) | contents_faults(
            place, wish.name, wish.change, _contents(wish.change)
        )
        faults |= _at(index, found)
    refuse(faults)

    async def work(tx: RegionTx) -> list[Applied]:
        writer = ItemWriter(plane, caller, tx)
        applied = [await _apply(writer, place, wish) for place, wish in placed]
        missing: dict[str, str] = {}
        for index, each in enumerate(applied):
            missing |= _at(index, await writer.reference_faults(each.place, each.item))
        refuse(missing)
        return applied

    return [await _with_patch(each) for each in await run(plane, work, dry_run=dry_run)]


def _find_places(plane: RegionPlane, caller: Caller, wishes: Sequence[Wish]) -> list[_Placed]:
    known = {
        (service.name, kind.name): Place(service, kind)
        for service in plane.catalogue.offered_in(plane.id)
        for kind in service.kinds
    }
    unknown = {
        f"/items/{index}/kind": f"there is no kind {wish.kind!r} of a service {wish.service!r}"
        for index, wish in enumerate(wishes)
        if (wish.service, wish.kind) not in known
    }
    refuse(unknown)
    placed = [(known[wish.service, wish.kind], wish) for wish in wishes]
    for place, _ in placed:
        caller.require(place.service.permission(place.kind, Verb.READ))
    return placed


async def _apply(writer: ItemWriter, place: Place, wish: Wish) -> Applied:
    before = await find_item(writer.tx, writer.account, place, wish.name)
    if wish.version is not None and wish.version != (before.version if before else 0):
        raise _meant_for_another(place, wish)
    contents = _contents(wish.change)
    if before is None:
        writer.caller.require(place.service.permission(place.kind, Verb.CREATE))
        return _applied(place, None, await writer.create(place, wish.name, contents))
    if contents.is_same_as(before.contents):
        return _applied(place, before, before)
    writer.caller.require(place.service.permission(place.kind, Verb.UPDATE))
    return _applied(place, before, await writer.update(place, before, contents))


def _applied(place: Place, before: Item | None, after: Item) -> Applied:
    if before is None:
        return Applied(place, after, Outcome.CREATE, None)
    return Applied(place, after, Outcome.UNCHANGED if before is after else Outcome.UPDATE, before.contents)


async def _with_patch(applied: Applied) -> Applied:
    if applied.outcome is Outcome.UNCHANGED:
        return applied
    held = applied.before.as_json() if applied.before else {}
    return replace(applied, patch=await compare_json(held, applied.item.contents.as_json()))


def _contents(change: Change) -> Contents:
    return change.apply_to(Contents({}))


def _at(index: int, faults: dict[str, str]) -> dict[str, str]:
    return {f"/items/{index}{pointer}": told for pointer, told in faults.items()}


def _meant_for_another(place: Place, wish: Wish) -> DomainError:
    told = stale()
    return DomainError(
        told.kind,
        told.code,
        f"{place.kind.name.capitalize()} {wish.name} was changed since you read it: plan again, then repeat your change.",
    )
