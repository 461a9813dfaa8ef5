"""The services of an account, opening one, and choosing the account for a service that sent somebody here."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter, SkipValidation

from domicile.console.accounts.entered import INSIDE, READ_ACCOUNT, Entered
from domicile.console.forms import Form
from domicile.console.pages import policy_leading_to
from domicile.console.views import View, go_to
from domicile.kernel.callers import Person
from domicile.kernel.errors import not_found
from domicile.kernel.ids import AccountId, RegionId
from domicile.kernel.paging import LARGEST_LIMIT, PageRequest
from domicile.kernel.permissions import AccountState
from domicile.kernel.services import READ_ONLY_LEVEL, Service
from domicile.region.accounts.service import describe_account, list_my_accounts
from domicile.region.entering.doors import Doors
from domicile.region.openings.domain import opens, read_wish
from domicile.region.openings.service import open_service
from domicile.region.regions import Regions
from domicile.region.services.service import list_services

_SERVICES = "services/templates/services.html"
_CHOOSE = "services/templates/choose.html"
_ALL = PageRequest(LARGEST_LIMIT, None)


@get("/accounts/{account_id:str}/services", dependencies=INSIDE)
async def show_services(view: SkipValidation[View], entered: SkipValidation[Entered]) -> Response[str]:
    """What runs in the account's region, and what the person's role is worth in it."""
    caller, plane = entered.caller, entered.plane
    services = list_services(plane, caller)
    return view.render(
        _SERVICES,
        headers=_leading_to(*services),
        account=await _name(entered),
        region=plane.region,
        role=caller.role,
        services=services,
        levels=dict(caller.role.service_roles),
        opened={service.name for service in services if opens(caller.role, service)},
        read_only=READ_ONLY_LEVEL,
    )


@post("/accounts/{account_id:str}/services/{service_name:str}/open", dependencies=INSIDE)
async def open_one(
    service_name: FromPath[str],
    entered: SkipValidation[Entered],
    person: SkipValidation[Person],
    doors: SkipValidation[Doors],
    form: SkipValidation[Form],
) -> Response[str]:
    """Leads to the service's own registered address, with a code that it exchanges."""
    door, wish = doors.door_of(entered.caller), read_wish(form.text("state"), form.text("return"))
    return go_to(await open_service(door, person, entered.caller, service_name, wish))


@get("/services/{service_name:str}/open")
async def choose_account(
    service_name: FromPath[str],
    view: SkipValidation[View],
    person: SkipValidation[Person],
    regions: SkipValidation[Regions],
    *,
    account: Annotated[str, QueryParameter(required=False)] = "",
    its_state: Annotated[str, QueryParameter(name="state", required=False)] = "",
    return_path: Annotated[str, QueryParameter(name="return", required=False)] = "",
) -> Response[str]:
    """For whom a service sent here: one press of a button leads back to it, from the account that it named or one that is chosen."""
    service = _find(regions, service_name)
    page = await list_my_accounts(regions.directory, person.user_id, _ALL)
    offered = [
        each
        for each in page.items
        if each.state == AccountState.ACTIVE and _has(regions, each.region_id, service)
    ]
    named = [each for each in offered if each.account_id == account]
    wish = read_wish(its_state, return_path)
    return view.render(
        _CHOOSE,
        headers=_leading_to(service),
        service=service,
        accounts=named or offered,
        is_named=bool(named) and len(offered) > 1,
        regions={region.id: region for region in regions.all},
        wish=wish,
        others=f"/services/{service.name}/open?{urlencode(wish.as_query())}",
    )


@dataclass(frozen=True, slots=True)
class _Named:
    """An account as far as whoever works in its services alone may know it."""

    id: AccountId
    alias: str


async def _name(entered: Entered) -> _Named:
    caller = entered.caller
    if not caller.may(READ_ACCOUNT).allowed:
        return _Named(caller.account_id, f"Account {caller.account_id}")
    return _Named(caller.account_id, (await describe_account(entered.plane, caller)).alias)


def _find(regions: Regions, name: str) -> Service:
    for plane in regions.served.values():
        for service in plane.catalogue.offered_in(plane.id):
            if service.name == name and service.console_url:
                return service
    raise not_found("service")


def _has(regions: Regions, region: str, service: Service) -> bool:
    return service.runs_in(RegionId(region)) and region in regions.served


def _leading_to(*services: Service) -> dict[str, str]:
    """Let the forms of a page lead to the registered addresses of services, and nowhere else."""
    urls = [urlsplit(service.console_url) for service in services if service.console_url]
    return {"Content-Security-Policy": policy_leading_to([f"{url.scheme}://{url.netloc}" for url in urls])}


ROUTES = [show_services, open_one, choose_account]
