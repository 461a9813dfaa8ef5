"""All pages of the console on one router, with what their handlers ask for and how their errors look."""

from litestar import Router
from litestar.di import Provide
from litestar.exceptions import HTTPException

from domicile.console.accounts.entered import INSIDE
from domicile.console.accounts.routes import ROUTES as ACCOUNTS
from domicile.console.addresses.routes import ROUTES as ADDRESSES
from domicile.console.contacts.routes import ROUTES as CONTACTS
from domicile.console.ending.routes import ROUTES as ENDING
from domicile.console.error_pages import ErrorPages
from domicile.console.forms import provide_form
from domicile.console.inviting.routes import ROUTES as INVITING
from domicile.console.item_forms.routes import ROUTES as ITEM_FORMS
from domicile.console.item_history.routes import ROUTES as ITEM_HISTORY
from domicile.console.items.collection import COLLECTION
from domicile.console.items.routes import ROUTES as ITEMS
from domicile.console.joining.routes import ROUTES as JOINING
from domicile.console.members.routes import ROUTES as MEMBERS
from domicile.console.members.routes import provide_member
from domicile.console.own_data.routes import ROUTES as OWN_DATA
from domicile.console.pages import Pages
from domicile.console.problems.routes import ROUTES as PROBLEMS
from domicile.console.profile.routes import ROUTES as PROFILE
from domicile.console.recovery.routes import ROUTES as RECOVERY
from domicile.console.reference.routes import ROUTES as REFERENCE
from domicile.console.registration.routes import ROUTES as REGISTRATION
from domicile.console.same_origin import check_same_origin
from domicile.console.second_factor.routes import ROUTES as SECOND_FACTOR
from domicile.console.security.routes import ROUTES as SECURITY
from domicile.console.services.routes import ROUTES as SERVICES
from domicile.console.signing_in.routes import ROUTES as SIGNING_IN
from domicile.console.static_files import load_static_files
from domicile.console.step_up.routes import ROUTES as STEP_UP
from domicile.console.views import Surroundings, provide_person, provide_view, provide_visitor
from domicile.console.welcome.routes import ROUTES as WELCOME
from domicile.kernel.errors import DomainError


def create_error_pages(surroundings: Surroundings) -> ErrorPages:
    """Make the pages for errors, also of addresses that no route has."""
    return ErrorPages(Pages(load_static_files()), surroundings)


def create_console_router(surroundings: Surroundings) -> Router:
    """Make the routes of the console.

    The application must provide, as it does for the API: `identity`, `doors`, `regions`, `plane` (from `caller`) and `origin`.
    """
    pages, errors = Pages(load_static_files()), create_error_pages(surroundings)
    inside_account = Router(
        "/accounts/{account_id:str}",
        route_handlers=[*MEMBERS, *INVITING],
        dependencies={**INSIDE, "member": Provide(provide_member)},
    )
    kept_in_services = Router(
        "/", route_handlers=[*ITEMS, *ITEM_FORMS, *ITEM_HISTORY], dependencies=COLLECTION
    )
    everywhere = [*WELCOME, *REGISTRATION, *SIGNING_IN, *STEP_UP, *RECOVERY, *JOINING, *PROFILE, *ADDRESSES]
    everywhere += [*OWN_DATA, *ACCOUNTS, *ENDING, *CONTACTS, *SERVICES, *SECOND_FACTOR, *SECURITY]
    return Router(
        "/",
        route_handlers=[*everywhere, *REFERENCE, *PROBLEMS, inside_account, kept_in_services],
        dependencies={
            "pages": Provide(lambda: pages, sync_to_thread=False),
            "surroundings": Provide(lambda: surroundings, sync_to_thread=False),
            "visitor": Provide(provide_visitor),
            "person": Provide(provide_person),
            "view": Provide(provide_view, sync_to_thread=False),
            "form": Provide(provide_form),
        },
        before_request=check_same_origin,
        exception_handlers={
            DomainError: errors.respond,
            HTTPException: errors.respond_to_framework,
            Exception: errors.respond_to_bug,
        },
        include_in_schema=False,
    )
