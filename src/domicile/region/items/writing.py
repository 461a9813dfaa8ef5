"""How an item changes: its row, its labels, whom it names, its next version in the log and the audit event, in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from domicile.infra.databases import RegionTx
from domicile.kernel.callers import Caller
from domicile.kernel.errors import stale
from domicile.kernel.ids import AccountId
from domicile.region.audit.domain import by_caller
from domicile.region.audit.store import append_audit
from domicile.region.item_log.domain import Action, Contents, ItemVersion, Place
from domicile.region.item_log.store import append_version, read_last_version
from domicile.region.items import store
from domicile.region.items.domain import Item, find_named, item_exists, item_in_use, no_item, too_many_items
from domicile.region.plane import RegionPlane

_EVENTS = {
    Action.CREATED: "audit.item_created.v1",
    Action.UPDATED: "audit.item_updated.v1",
    Action.DELETED: "audit.item_deleted.v1",
}


@dataclass(frozen=True, slots=True)
class ItemWriter:
    """Changes items of one account in a transaction; what is written was checked before."""

    plane: RegionPlane
    caller: Caller
    tx: RegionTx

    @property
    def account(self) -> AccountId:
        """Name the account whose items these are."""
        return self.caller.account_id

    async def create(
        self, place: Place, name: str, contents: Contents, *, told: Mapping[str, object] | None = None
    ) -> Item:
        """Make an item; one whose name was used before goes on from the versions of that. `item-exists`, `too-many-items`.

        `told` joins the details of the audit event.
        """
        now = self.plane.clock()
        version = await read_last_version(self.tx, self.account, place, name) + 1
        made = Item(name, contents, version=version, created_at=now, modified_at=now)
        kept = await store.count_items(self.tx, self.account, place)
        if kept >= place.kind.most and await store.find_item(self.tx, self.account, place, name) is None:
            raise too_many_items(place)
        if not await store.insert_item(self.tx, self.account, place, made):
            raise item_exists()
        await self._follow_up(place, made, Action.CREATED, told)
        return made

    async def update(
        self, place: Place, before: Item, contents: Contents, *, told: Mapping[str, object] | None = None
    ) -> Item:
        """Let an item hold something else; what changes nothing makes no version. `stale-version` if another change came first."""
        if contents.is_same_as(before.contents):
            return before
        after = replace(before, contents=contents, version=before.version + 1, modified_at=self.plane.clock())
        if not await store.update_item(self.tx, self.account, place, after):
            raise stale()
        await self._follow_up(place, after, Action.UPDATED, told)
        return after

    async def delete(self, place: Place, item: Item) -> None:
        """Delete an item that no other names (`item-in-use`); the deletion is its last version. `stale-version`."""
        used_by = await store.list_users(self.tx, self.account, place, item.name)
        if used_by:
            raise item_in_use(place, used_by, self.plane.urns(self.account))
        if not await store.delete_item(self.tx, self.account, place, item):
            raise stale()
        gone = replace(item, version=item.version + 1, modified_at=self.plane.clock())
        await self._log(place, gone, Action.DELETED)
        await self._tell(place, item, Action.DELETED)

    async def get(self, place: Place, name: str) -> Item:
        """Find an item; `not-found`."""
        found = await store.find_item(self.tx, self.account, place, name)
        if found is None:
            raise no_item()
        return found

    async def reference_faults(self, place: Place, item: Item) -> dict[str, str]:
        """Say which of the items that an item names are not there, by JSON pointer; asked once all are written."""
        named = find_named(place.kind, item.contents.spec)
        wanted = [each for each in named.values() if each is not None]
        missing = await store.find_missing(self.tx, self.account, place, wanted)
        faults: dict[str, str] = {}
        for pointer, each in named.items():
            if each is None:
                faults[f"/spec{pointer}"] = "must be the name of an item"
            elif each in missing:
                faults[f"/spec{pointer}"] = f"there is no {each.kind} of this name"
        return faults

    async def _follow_up(
        self, place: Place, item: Item, action: Action, told: Mapping[str, object] | None
    ) -> None:
        named = {each for each in find_named(place.kind, item.contents.spec).values() if each is not None}
        await store.write_references(self.tx, self.account, place, item.name, named)
        await self._log(place, item, action)
        await self._tell(place, item, action, told)

    async def _log(self, place: Place, item: Item, action: Action) -> None:
        principal = self.caller.principal
        version = ItemVersion(
            kind=place.kind.name,
            name=item.name,
            version=item.version,
            action=action,
            contents=None if action is Action.DELETED else item.contents,
            principal=f"{principal.kind}/{principal.id}",
            at=item.modified_at,
        )
        await append_version(self.tx, self.account, place, version)
        self.tx.after_commit(self.plane.item_news.tell)

    async def _tell(
        self, place: Place, item: Item, action: Action, told: Mapping[str, object] | None = None
    ) -> None:
        details: dict[str, object] = {
            "service": place.service.name,
            "kind": place.kind.name,
            "name": item.name,
            "version": item.version,
            **(told or {}),
        }
        event = by_caller(self.caller, _EVENTS[action], details, now=self.plane.clock())
        await append_audit(self.tx, event)
