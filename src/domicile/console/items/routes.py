"""The items of a kind, one of them with its history, and deleting it."""

from collections.abc import Mapping
from typing import Annotated, cast

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter, SkipValidation

from domicile.console.forms import Form, blank
from domicile.console.items.authors import name_authors
from domicile.console.items.collection import ITEM_PATH, KIND_PATH, Collection
from domicile.console.items.json_text import pretty, visible
from domicile.console.pages import Values
from domicile.console.views import View, go_to
from domicile.kernel.errors import DomainError, ErrorKind
from domicile.kernel.labels import LONGEST_SELECTOR, parse_selector
from domicile.kernel.paging import Page
from domicile.kernel.services import Verb
from domicile.kernel.versions import expecting
from domicile.region.item_history.service import list_item_versions
from domicile.region.item_log.domain import Place
from domicile.region.items import service
from domicile.region.items.domain import Item, Named, Status, find_named

_LIST = "items/templates/list.html"
_ITEM = "items/templates/item.html"
_DELETE = "items/templates/delete.html"
_MOST_OF_STATUS = 3
_LONGEST_OF_STATUS = 40


@get(KIND_PATH)
async def show_items(
    view: SkipValidation[View],
    collection: SkipValidation[Collection],
    *,
    selector: Annotated[str, QueryParameter(required=False)] = "",
    cursor: Annotated[str | None, QueryParameter(required=False)] = None,
) -> Response[str]:
    """The account's items of one kind, those of certain labels if the visitor says so."""
    place = collection.require(Verb.READ)
    values: Values = {**await collection.gather(place), "longest": LONGEST_SELECTOR, "brief": _brief}
    try:
        listed = await _list(collection, selector, cursor)
    except DomainError as error:
        if "selector" not in error.fields:
            raise
        nothing: Values = {"items": (), "next_cursor": None, "is_first_page": True}
        return view.refuse(_LIST, error, blank(selector=selector), **nothing, **values)
    return view.render(_LIST, form=blank(selector=selector), error=None, **listed, **values)


@get(ITEM_PATH)
async def show_item(
    item_name: FromPath[str],
    view: SkipValidation[View],
    collection: SkipValidation[Collection],
    *,
    cursor: Annotated[str | None, QueryParameter(required=False)] = None,
) -> Response[str]:
    """An item as it is and as it was; of one that was deleted, what it was."""
    place = collection.require(Verb.READ)
    item = await _find(collection, item_name)
    history = await _read_history(collection, item_name, cursor)
    return view.render(
        _ITEM,
        item=item,
        name=item_name,
        pretty=pretty,
        names=_links(collection, place, _named_by(place, item)),
        used_by=_links(collection, place, await _users_of(collection, item)),
        **history,
        **await collection.gather(place),
    )


@get(ITEM_PATH + "/delete")
async def show_delete(
    item_name: FromPath[str], view: SkipValidation[View], collection: SkipValidation[Collection]
) -> Response[str]:
    """What deleting means, before it is done."""
    place = collection.require(Verb.DELETE)
    item = await service.describe_item(collection.plane, collection.caller, collection.wanted, item_name)
    form = blank(version=str(item.version))
    values = await collection.gather(place)
    return view.render(_DELETE, form=form, error=None, name=item_name, used_by=(), **values)


@post(ITEM_PATH + "/delete")
async def delete_item(
    item_name: FromPath[str],
    view: SkipValidation[View],
    collection: SkipValidation[Collection],
    form: SkipValidation[Form],
) -> Response[str]:
    """Deletes the item, of the version that was looked at; one that is in use stays, and the page says by what."""
    place = collection.require(Verb.DELETE)
    expected = expecting((form.text("version"),))
    plane, caller, wanted = collection.plane, collection.caller, collection.wanted
    try:
        await service.delete_item(plane, caller, wanted, item_name, expected=expected, dry_run=False)
    except DomainError as error:
        used_by = _links(collection, place, _users_in(error))
        values = await collection.gather(place)
        return view.refuse(_DELETE, error, form, name=item_name, used_by=used_by, **values)
    may_look = caller.may(place.service.permission(place.kind, Verb.READ)).allowed
    return go_to(collection.path if may_look else collection.service_path, done="item-deleted")


async def _list(collection: Collection, selector: str, cursor: str | None) -> Values:
    chosen = parse_selector(selector)
    cursors, wanted = collection.entered.regions.cursors, collection.wanted
    scope = f"items {collection.caller.account_id} {wanted.service} {wanted.plural} {selector}"
    request = cursors.page_request(None, cursor, scope=scope)
    page: Page[Item] = await service.list_items(collection.plane, collection.caller, wanted, chosen, request)
    return {
        "items": page.items,
        "next_cursor": cursors.next_of(page, scope=scope),
        "is_first_page": cursor is None,
    }


async def _find(collection: Collection, name: str) -> Item | None:
    """Find an item; None for one that is not there now, and `not-found` from its history if it never was."""
    try:
        return await service.describe_item(collection.plane, collection.caller, collection.wanted, name)
    except DomainError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise
        return None


async def _read_history(collection: Collection, name: str, cursor: str | None) -> Values:
    cursors, wanted = collection.entered.regions.cursors, collection.wanted
    scope = f"versions {collection.caller.account_id} {wanted.service} {wanted.plural} {name}"
    request = cursors.page_request(None, cursor, scope=scope)
    page = await list_item_versions(collection.plane, collection.caller, wanted, name, request)
    return {
        "versions": page.items,
        "authors": await name_authors(collection, page.items),
        "next_cursor": cursors.next_of(page, scope=scope),
        "is_first_page": cursor is None,
    }


async def _users_of(collection: Collection, item: Item | None) -> tuple[Named, ...]:
    if item is None:
        return ()
    return await service.list_users_of_item(collection.plane, collection.caller, collection.wanted, item.name)


def _named_by(place: Place, item: Item | None) -> tuple[Named, ...]:
    found = find_named(place.kind, item.contents.spec).values() if item else ()
    return tuple(dict.fromkeys(named for named in found if named))


def _users_in(error: DomainError) -> tuple[Named, ...]:
    """Read which items a refusal names: the last parts of their URNs."""
    urns = cast("list[str]", error.facts.get("usedBy", []))
    parts = (urn.rpartition(":")[2].partition("/") for urn in urns)
    return tuple(Named(kind, name) for kind, _, name in parts)


def _links(collection: Collection, place: Place, named: tuple[Named, ...]) -> list[tuple[Named, str | None]]:
    return [(each, collection.link(place, each)) for each in named]


def _brief(status: Status) -> str:
    """Tell the first of what a service says of an item in a few words."""
    members = ((name, value) for name, value in status.value.items() if not isinstance(value, Mapping | list))
    told = [visible(f"{name}: {value}")[:_LONGEST_OF_STATUS] for name, value in members]
    return ", ".join(told[:_MOST_OF_STATUS])


ROUTES = [show_items, show_item, show_delete, delete_item]
