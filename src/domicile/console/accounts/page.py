"""The page of one account: its users, its invitations, and what the visitor may change there."""

from collections.abc import Mapping
from dataclasses import asdict

from litestar import Response

from domicile.console.accounts.entered import Entered, acts_open_to, reason_for_reading_only
from domicile.console.forms import Form, blank
from domicile.console.pages import Values
from domicile.console.views import View
from domicile.kernel.callers import Caller
from domicile.kernel.errors import DomainError
from domicile.kernel.paging import LARGEST_LIMIT, PageRequest
from domicile.kernel.roles import Role
from domicile.region.accounts.service import describe_account
from domicile.region.contacts.service import describe_contacts
from domicile.region.invitations.domain import InvitationState
from domicile.region.invitations.service import list_invitations
from domicile.region.memberships.service import list_members
from domicile.region.plane import RegionPlane
from domicile.region.roles.service import list_roles

_TEMPLATE = "accounts/templates/account.html"
_ALL = PageRequest(LARGEST_LIMIT, None)
CONTACT_LISTS = {"billing": "Billing and subscriptions", "operations": "Operations", "general": "General"}
"""The lists of contacts as pages name them."""


async def roles_of(plane: RegionPlane, caller: Caller) -> dict[str, Role]:
    """Give the account's roles by id, the one with the fewest permissions first; none to who may not list them."""
    if not caller.may("identity:role:read").allowed:
        return {}
    page = await list_roles(plane, caller, _ALL)
    found = sorted((shown.role for shown in page.items), key=lambda role: len(role.permissions))
    return {role.id: role for role in found}


def offerable(roles: Mapping[str, Role], caller: Caller) -> dict[str, Role]:
    """Leave the roles that the caller may give: those with nothing that they do not hold themselves."""
    return {name: role for name, role in roles.items() if role.permissions <= caller.role.permissions}


async def show_account(view: View, entered: Entered, *, cursor: str | None = None) -> Response[str]:
    """Show an account."""
    return view.render(_TEMPLATE, refused=None, form=blank(), error=None, **await _gather(entered, cursor))


async def show_refusal(
    view: View, entered: Entered, *, refused: str, form: Form, error: DomainError
) -> Response[str]:
    """Show an account again after a change that was refused: `invite`, `rename` or `invitation`, with what was typed."""
    return view.refuse(_TEMPLATE, error, form, refused=refused, **await _gather(entered, None))


async def _gather(entered: Entered, cursor: str | None) -> Values:
    caller, plane, cursors = entered.caller, entered.plane, entered.regions.cursors
    scope = f"users {caller.account_id} "
    request = cursors.page_request(None, cursor, scope=scope)
    members = await list_members(plane, caller, request, role=None)
    invited = await list_invitations(plane, caller, _ALL, state=InvitationState.INVITED)
    roles = await roles_of(plane, caller)
    return {
        "account": await describe_account(plane, caller),
        "contacts": asdict(await describe_contacts(plane, caller)),
        "contact_lists": CONTACT_LISTS,
        "caller": caller,
        "region": plane.region,
        "roles": roles,
        "offerable": offerable(roles, caller),
        "may": acts_open_to(caller),
        "reading_only": reason_for_reading_only(caller),
        "members": members.items,
        "next_cursor": cursors.next_of(members, scope=scope),
        "is_first_page": cursor is None,
        "invitations": invited.items,
    }
