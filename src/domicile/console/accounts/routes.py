"""A person's accounts, creating one, and looking at one."""

import secrets

from litestar import Response, get, post
from litestar.params import FromQuery, SkipValidation

from domicile.console.accounts.entered import INSIDE, READ_ACCOUNT, Entered
from domicile.console.accounts.page import show_account, show_refusal
from domicile.console.forms import Form, blank
from domicile.console.views import View, go_to
from domicile.console.wording import told_days
from domicile.infra.idempotency import RequestKey
from domicile.infra.secrets import digest
from domicile.kernel.callers import Person
from domicile.kernel.clock import days_until
from domicile.kernel.errors import DomainError
from domicile.kernel.ids import RegionId
from domicile.kernel.roles import PREDEFINED_ROLES
from domicile.kernel.versions import expecting
from domicile.region.accounts.domain import LONGEST_ALIAS, Account, parse_account_change, parse_new_account
from domicile.region.accounts.service import create_account, list_my_accounts, modify_account
from domicile.region.receiving.gathering import gather_my_invitations
from domicile.region.regions import Regions

_CREATE = "accounts/templates/create.html"


@get("/accounts")
async def list_accounts(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    regions: SkipValidation[Regions],
    cursor: FromQuery[str | None] = None,
) -> Response[str]:
    """All accounts of the person, wherever they live, and the invitations that wait for an answer."""
    scope = f"accounts {person.user_id}"
    request = regions.cursors.page_request(None, cursor, scope=scope)
    page = await list_my_accounts(regions.directory, person.user_id, request)
    return view.render(
        "accounts/templates/list.html",
        accounts=page.items,
        regions={region.id: region for region in regions.all},
        roles=PREDEFINED_ROLES,
        days_left={
            each.account_id: told_days(days_until(each.purge_after, regions.clock()))
            for each in page.items
            if each.purge_after
        },
        next_cursor=regions.cursors.next_of(page, scope=scope),
        is_first_page=cursor is None,
        invited=await gather_my_invitations(regions, person),
    )


@get("/accounts/new")
async def show_create(
    view: SkipValidation[View], person: SkipValidation[Person], regions: SkipValidation[Regions]
) -> Response[str]:
    """The form, which says what the choice of a region means."""
    form = blank(key=secrets.token_urlsafe(16))
    return view.render(_CREATE, form=form, error=None, regions=regions.all, longest=LONGEST_ALIAS)


@post("/accounts/new")
async def create(
    view: SkipValidation[View],
    person: SkipValidation[Person],
    form: SkipValidation[Form],
    regions: SkipValidation[Regions],
) -> Response[str]:
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


@get("/accounts/{account_id:str}", dependencies=INSIDE)
async def show(
    view: SkipValidation[View],
    entered: SkipValidation[Entered],
    cursor: FromQuery[str | None] = None,
) -> Response[str]:
    """One account: its users and invitations; for who may not see them, what is left is the services."""
    if not entered.caller.may(READ_ACCOUNT).allowed:
        return go_to(f"{entered.path}/services")
    return await show_account(view, entered, cursor=cursor)


@post("/accounts/{account_id:str}/rename", dependencies=INSIDE)
async def rename(
    view: SkipValidation[View], entered: SkipValidation[Entered], form: SkipValidation[Form]
) -> Response[str]:
    """Changes the alias, of the version that was looked at."""
    try:
        change = parse_account_change(form.text("alias"))
        await modify_account(entered.plane, entered.caller, change, expecting((form.text("version"),)))
    except DomainError as error:
        return await show_refusal(view, entered, refused="rename", form=form, error=error)
    return go_to(entered.path, done="account-renamed")


ROUTES = [list_accounts, show_create, create, show, rename]
