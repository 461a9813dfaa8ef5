"""The services of an account, what it keeps in each, opening one, and choosing the account for a service that sent somebody here."""

from typing import Annotated
from urllib.parse import urlencode, urlsplit

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter, SkipValidation

from domicile.console.accounts.entered import INSIDE, Entered
from domicile.console.accounts.naming import name_account
from domicile.console.forms import Form
from domicile.console.pages import Values, policy_leading_to
from domicile.console.views import View, go_to
from domicile.kernel.callers import Caller, Person
from domicile.kernel.errors import not_found
from domicile.kernel.ids import RegionId
from domicile.kernel.paging import LARGEST_LIMIT, PageRequest
from domicile.kernel.permissions import AccountState
from domicile.kernel.services import READ_ONLY_LEVEL, Category, Kind, Service, Verb
from domicile.region.accounts.service import list_my_accounts
from domicile.region.entering.doors import Doors
from domicile.region.items.service import count_items
from domicile.region.openings.domain import opens, read_wish
from domicile.region.openings.service import open_service
from domicile.region.regions import Regions
from domicile.region.services.service import describe_service, list_services

_SERVICES = "services/templates/services.html"
_SERVICE = "services/templates/service.html"
_CHOOSE = "services/templates/choose.html"
_ALL = PageRequest(LARGEST_LIMIT, None)


@get("/accounts/{account_id:str}/services", dependencies=INSIDE)
async def show_services(view: SkipValidation[View], entered: SkipValidation[Entered]) -> Response[str]:
    """What runs in the account's region, and what the person's role is worth in it."""
    services = list_services(entered.plane, entered.caller)
    return view.render(
        _SERVICES,
        headers=_leading_to(*services),
        services=services,
        **await _gather(entered, *services),
    )


@get("/accounts/{account_id:str}/services/{service_name:str}", dependencies=INSIDE)
async def show_service(
    service_name: FromPath[str], view: SkipValidation[View], entered: SkipValidation[Entered]
) -> Response[str]:
    """What the account keeps in one service, kind by kind, and what the person may do to it."""
    caller = entered.caller
    service = describe_service(entered.plane, caller, service_name)
    return view.render(
        _SERVICE,
        headers=_leading_to(service),
        service=service,
        kinds=_by_category(service),
        counts=await count_items(entered.plane, caller, service),
        rights={kind.name: _rights(caller, service, kind) for kind in service.kinds},
        reasons={kind.name: _reason(caller, service, kind) for kind in service.kinds},
        **await _gather(entered, service),
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


async def _gather(entered: Entered, *services: Service) -> Values:
    caller = entered.caller
    return {
        "account": await name_account(entered),
        "region": entered.plane.region,
        "role": caller.role,
        "levels": dict(caller.role.service_roles),
        "opened": {service.name for service in services if opens(caller.role, service)},
        "read_only": READ_ONLY_LEVEL,
    }


def _by_category(service: Service) -> dict[str, list[Kind]]:
    listed = {
        category: [kind for kind in service.kinds if kind.category is category] for category in Category
    }
    return {category: kinds for category, kinds in listed.items() if kinds}


def _rights(caller: Caller, service: Service, kind: Kind) -> list[Verb]:
    return [verb for verb in Verb if caller.may(service.permission(kind, verb)).allowed]


def _reason(caller: Caller, service: Service, kind: Kind) -> str:
    """Say what settled whether the caller may read items of a kind."""
    return caller.may(service.permission(kind, Verb.READ)).steps[-1].fact


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


ROUTES = [show_services, show_service, open_one, choose_account]
