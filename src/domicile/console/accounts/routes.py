"""A person's accounts, creating one, and looking at one."""

import secrets

from litestar import Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromQuery

from domicile.console.accounts.entered import provide_caller
from domicile.console.accounts.page import show_account, show_refusal
from domicile.console.forms import Form, blank
from domicile.console.views import View, go_to
from domicile.infra.idempotency import RequestKey
from domicile.infra.secrets import digest
from domicile.kernel.callers import Caller, Person
from domicile.kernel.errors import DomainError
from domicile.kernel.ids import RegionId
from domicile.kernel.permissions import PREDEFINED_ROLES
from domicile.kernel.versions import expecting
from domicile.region.accounts.domain import LONGEST_ALIAS, Account, parse_account_change, parse_new_account
from domicile.region.accounts.service import create_account, list_my_accounts, modify_account
from domicile.region.plane import RegionPlane
from domicile.region.regions import Regions

_CREATE = "accounts/templates/create.html"


@get("/accounts")
async def list_accounts(
    view: NamedDependency[View],
    person: NamedDependency[Person],
    regions: NamedDependency[Regions],
    cursor: FromQuery[str | None] = None,
) -> Response[str]:
    """All accounts of the person, wherever they live."""
    scope = f"accounts {person.user_id}"
    request = regions.cursors.page_request(None, cursor, scope=scope)
    page = await list_my_accounts(regions.directory, person.user_id, request)
    return view.render(
        "accounts/templates/list.html",
        accounts=page.items,
        regions={region.id: region for region in regions.all},
        roles=PREDEFINED_ROLES,
        next_cursor=regions.cursors.next_of(page, scope=scope),
        is_first_page=cursor is None,
    )


@get("/accounts/new")
async def show_create(
    view: NamedDependency[View], person: NamedDependency[Person], regions: NamedDependency[Regions]
) -> Response[str]:
    """The form, which says what the choice of a region means."""
    form = blank(key=secrets.token_urlsafe(16))
    return view.render(_CREATE, form=form, error=None, regions=regions.all, longest=LONGEST_ALIAS)


@post("/accounts/new")
async def create(
    view: NamedDependency[View],
    person: NamedDependency[Person],
    form: NamedDependency[Form],
    regions: NamedDependency[Regions],
) -> Response[str] | Response[None]:
    """Creates the account once, however often the button is pressed."""
    try:
        account = await _create(person, form, regions)
    except DomainError as error:
        return view.refuse(_CREATE, error, form, regions=regions.all, longest=LONGEST_ALIAS)
    return go_to(f"/accounts/{account.id}", done="account-created")


async def _create(person: Person, form: Form, regions: Regions) -> Account:
    new = parse_new_account(
        form.text("alias"),
        form.text("region"),
        person.locale,
        person.time_zone,
        open_regions=regions.open_ids(),
    )
    # What was typed is part of the key: the same form, gone back to and filled in otherwise, is another creation.
    typed = f"{new.alias}\n{new.region}".encode()
    request = RequestKey(digest(form.text("key").encode() + b"\n" + typed), digest(typed))
    return await create_account(regions.plane(RegionId(new.region)), person, new, request)


@get("/accounts/{account_id:str}", dependencies={"caller": Provide(provide_caller)})
async def show(
    view: NamedDependency[View],
    caller: NamedDependency[Caller],
    plane: NamedDependency[RegionPlane],
    regions: NamedDependency[Regions],
    cursor: FromQuery[str | None] = None,
) -> Response[str]:
    """One account: its users and invitations."""
    return await show_account(view, caller, plane, regions, cursor=cursor)


@post("/accounts/{account_id:str}/rename", dependencies={"caller": Provide(provide_caller)})
async def rename(
    view: NamedDependency[View],
    caller: NamedDependency[Caller],
    plane: NamedDependency[RegionPlane],
    regions: NamedDependency[Regions],
    form: NamedDependency[Form],
) -> Response[str] | Response[None]:
    """Changes the alias, of the version that was looked at."""
    try:
        change = parse_account_change(form.text("alias"), None, None)
        await modify_account(plane, caller, change, expecting((form.text("version"),)))
    except DomainError as error:
        return await show_refusal(view, caller, plane, regions, refused="rename", form=form, error=error)
    return go_to(f"/accounts/{caller.account_id}", done="account-renamed")


ROUTES = [list_accounts, show_create, create, show, rename]
