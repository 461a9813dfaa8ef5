"""A version of an item with how it differs from the one before, and taking the item back to it."""

from litestar import Response, get, post
from litestar.params import FromPath, SkipValidation

from domicile.console.forms import Form, blank
from domicile.console.items.authors import name_authors
from domicile.console.items.collection import ITEM_PATH, Collection
from domicile.console.items.differences import compare
from domicile.console.items.json_text import pretty
from domicile.console.pages import Values
from domicile.console.views import View, go_to
from domicile.kernel.errors import DomainError
from domicile.kernel.paging import PageRequest
from domicile.kernel.services import Verb
from domicile.kernel.versions import expecting
from domicile.region.item_history.domain import no_version, parse_version
from domicile.region.item_history.service import describe_version, list_item_versions, roll_back
from domicile.region.item_log.domain import ItemVersion

_VERSION = "item_history/templates/version.html"
_ROLL_BACK = "item_history/templates/roll_back.html"
_VERSION_PATH = ITEM_PATH + "/versions/{version:str}"
_NEWEST = PageRequest(1, None)


@get(_VERSION_PATH)
async def show_version(
    item_name: FromPath[str],
    version: FromPath[str],
    view: SkipValidation[View],
    collection: SkipValidation[Collection],
) -> Response[str]:
    """What an item held in one version, and what was different before."""
    place = collection.require(Verb.READ)
    found = await _describe(collection, item_name, parse_version(version))
    before = await _describe(collection, item_name, found.version - 1) if found.version > 1 else None
    return view.render(
        _VERSION,
        version=found,
        newest=await _find_newest(collection, item_name),
        name=item_name,
        authors=await name_authors(collection, [found]),
        lines=compare(before.contents if before else None, found.contents),
        whole=pretty(found.contents.as_json()) if found.contents else None,
        **await collection.gather(place),
    )


@get(_VERSION_PATH + "/rollback")
async def show_roll_back(
    item_name: FromPath[str],
    version: FromPath[str],
    view: SkipValidation[View],
    collection: SkipValidation[Collection],
) -> Response[str]:
    """What going back changes, before it is done."""
    values = await _gather(collection, item_name, parse_version(version))
    form = blank(version=str(values["newest"].version))
    return view.render(_ROLL_BACK, form=form, error=None, **values)


@post(_VERSION_PATH + "/rollback")
async def roll_back_item(
    item_name: FromPath[str],
    version: FromPath[str],
    view: SkipValidation[View],
    collection: SkipValidation[Collection],
    form: SkipValidation[Form],
) -> Response[str]:
    """Lets the item hold again what it held, if it is still as it was looked at."""
    wanted = parse_version(version)
    values = await _gather(collection, item_name, wanted)
    try:
        await roll_back(
            collection.plane,
            collection.caller,
            collection.wanted,
            item_name,
            wanted,
            expected=expecting((form.text("version"),)),
            dry_run=False,
        )
    except DomainError as error:
        return view.refuse(_ROLL_BACK, error, form, **values)
    was_there = values["newest"].contents is not None
    done = "item-rolled-back" if was_there else "item-brought-back"
    return go_to(f"{collection.path}/{item_name}", done=done)


async def _gather(collection: Collection, name: str, number: int) -> Values:
    newest = await _find_newest(collection, name)
    place = collection.require(Verb.CREATE if newest.contents is None else Verb.UPDATE)
    wanted = await _describe(collection, name, number)
    if wanted.contents is None:
        raise no_version()
    return {
        "name": name,
        "number": number,
        "newest": newest,
        "lines": compare(newest.contents, wanted.contents),
        **await collection.gather(place),
    }


async def _describe(collection: Collection, name: str, number: int) -> ItemVersion:
    return await describe_version(collection.plane, collection.caller, collection.wanted, name, number)


async def _find_newest(collection: Collection, name: str) -> ItemVersion:
    page = await list_item_versions(collection.plane, collection.caller, collection.wanted, name, _NEWEST)
    return page.items[0]


ROUTES = [show_version, show_roll_back, roll_back_item]
