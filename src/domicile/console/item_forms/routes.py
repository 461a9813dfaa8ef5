"""Making an item and editing one, with what its kind lets in beside the form."""

import json
from functools import partial

from litestar import Response, get, post
from litestar.params import FromPath, SkipValidation

from domicile.console.forms import Form, blank
from domicile.console.item_forms.schema_reading import begin, list_members
from domicile.console.item_forms.typed import INPUTS, faults_of, fill_in, read_typed, write
from domicile.console.items.collection import ITEM_PATH, KIND_PATH, Collection
from domicile.console.items.differences import Line, compare
from domicile.console.items.json_text import pretty
from domicile.console.pages import Values
from domicile.console.views import View, go_to
from domicile.kernel.errors import DomainError, ErrorKind
from domicile.kernel.services import Verb
from domicile.kernel.versions import expecting
from domicile.region.item_history.domain import parse_version
from domicile.region.item_history.service import describe_version
from domicile.region.item_log.domain import Place
from domicile.region.items.domain import LONGEST_LOCATION, LONGEST_NAME, Item
from domicile.region.items.service import change_item, create_item, describe_item

_NEW = "item_forms/templates/new.html"
_EDIT = "item_forms/templates/edit.html"
_NEW_PATH = KIND_PATH + "/_new"  # no item can be called so
_GONE = frozenset({ErrorKind.NOT_FOUND})


@get(_NEW_PATH)
async def show_new(view: SkipValidation[View], collection: SkipValidation[Collection]) -> Response[str]:
    """The form, with what has to be there already in it."""
    place = collection.require(Verb.CREATE)
    form = blank(spec=pretty(begin(place.kind)))
    return view.render(_NEW, form=form, error=None, faults=[], **await _gather(collection, place))


@post(_NEW_PATH)
async def make_item(
    view: SkipValidation[View], collection: SkipValidation[Collection], form: SkipValidation[Form]
) -> Response[str]:
    """Makes the item, or shows all that is wrong with what was typed."""
    place = collection.require(Verb.CREATE)
    typed, name = read_typed(form, place.kind), form.text("name").strip()
    plane, caller, wanted = collection.plane, collection.caller, collection.wanted
    try:
        await write(typed, partial(create_item, plane, caller, wanted, name, typed.change))
    except DomainError as error:
        values = await _gather(collection, place)
        return view.refuse(_NEW, error, form, faults=faults_of(error), **values)
    return go_to(_shown_after(collection, place, name), done="item-made")


@get(ITEM_PATH + "/edit")
async def show_edit(
    item_name: FromPath[str], view: SkipValidation[View], collection: SkipValidation[Collection]
) -> Response[str]:
    """The form, with the item as it is."""
    place = collection.require(Verb.UPDATE)
    item = await _read(collection, item_name)
    values = await _gather(collection, place)
    return view.render(
        _EDIT,
        form=fill_in(item),
        error=None,
        faults=[],
        name=item_name,
        looked_at=str(item.version),
        changed=None,
        **values,
    )


@post(ITEM_PATH + "/edit")
async def edit_item(
    item_name: FromPath[str],
    view: SkipValidation[View],
    collection: SkipValidation[Collection],
    form: SkipValidation[Form],
) -> Response[str]:
    """Changes the version that was looked at; if another change came first, shows that and keeps what was typed."""
    place = collection.require(Verb.UPDATE)
    typed, looked_at = read_typed(form, place.kind), form.text("version")
    act = partial(
        change_item,
        collection.plane,
        collection.caller,
        collection.wanted,
        item_name,
        typed.change,
        expected=expecting((looked_at,)),
    )
    try:
        item = await write(typed, act)
    except DomainError as error:
        return await _refuse(view, collection, item_name, form, error)
    done = "item-unchanged" if str(item.version) == looked_at else "item-changed"
    return go_to(_shown_after(collection, place, item_name), done=done)


async def _refuse(
    view: View, collection: Collection, name: str, form: Form, error: DomainError
) -> Response[str]:
    looked_at, changed = form.text("version"), None
    if error.kind is ErrorKind.STALE:
        looked_at, changed = await _what_changed(collection, name, looked_at)
    values = await _gather(collection, collection.require(Verb.UPDATE))
    return view.refuse(
        _EDIT,
        error,
        form,
        also_shown=_GONE,
        faults=faults_of(error),
        name=name,
        looked_at=looked_at,
        changed=changed,
        **values,
    )


async def _what_changed(collection: Collection, name: str, looked_at: str) -> tuple[str, tuple[Line, ...]]:
    """Give the version that is there now, and how it differs from the one that was looked at."""
    plane, caller, wanted = collection.plane, collection.caller, collection.wanted
    before = await describe_version(plane, caller, wanted, name, parse_version(looked_at))
    now = await _read(collection, name)
    return str(now.version), compare(before.contents, now.contents)


async def _read(collection: Collection, name: str) -> Item:
    return await describe_item(collection.plane, collection.caller, collection.wanted, name)


async def _gather(collection: Collection, place: Place) -> Values:
    return {
        "schema": pretty(json.loads(place.kind.schema)),
        "members": list_members(place.kind),
        "inputs": INPUTS,
        "longest_name": LONGEST_NAME,
        "longest_location": LONGEST_LOCATION,
        **await collection.gather(place),
    }


def _shown_after(collection: Collection, place: Place, name: str) -> str:
    """Give the page of the item, or, to who changes without reading, the page of the service."""
    may_look = collection.caller.may(place.service.permission(place.kind, Verb.READ)).allowed
    return f"{collection.path}/{name}" if may_look else collection.service_path


ROUTES = [show_new, make_item, show_edit, edit_item]
