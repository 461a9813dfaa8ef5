"""One user of an account: what they are there, and changing or ending it."""

from litestar import Response, get, post
from litestar.params import FromPath, SkipValidation

from domicile.console.accounts.entered import Entered, acts_open_to, reason_for_reading_only
from domicile.console.accounts.page import offerable, roles_of
from domicile.console.continuing import HOME
from domicile.console.forms import Form, blank
from domicile.console.pages import Values
from domicile.console.views import View, go_to
from domicile.kernel.errors import DomainError, not_found
from domicile.kernel.faults import Faults
from domicile.kernel.ids import UserId, find_user_id
from domicile.kernel.permissions import MemberState
from domicile.kernel.roles import rules_access
from domicile.kernel.versions import expecting
from domicile.region.accounts.service import describe_account
from domicile.region.memberships import service
from domicile.region.memberships.domain import Member, MemberChange, check_member_state
from domicile.region.roles.domain import check_role_id

_USER = "members/templates/user.html"
_REMOVE = "members/templates/remove.html"


async def provide_member(user_id: FromPath[str], entered: SkipValidation[Entered]) -> Member:
    """Give the user that the address names; `not-found` for anybody who is none of this account."""
    return await service.get_member(entered.plane, entered.caller, _user_id(user_id))


@get("/users/{user_id:str}")
async def show_user(
    view: SkipValidation[View],
    entered: SkipValidation[Entered],
    member: SkipValidation[Member],
) -> Response[str]:
    """What a user is in this account."""
    values = await _gather(entered, member)
    return view.render(_USER, form=blank(), error=None, **values)


@post("/users/{user_id:str}")
async def change_user(
    view: SkipValidation[View],
    entered: SkipValidation[Entered],
    member: SkipValidation[Member],
    form: SkipValidation[Form],
) -> Response[str]:
    """Changes role or state, of the version that was looked at."""
    try:
        change = _read_change(form)
        expected = expecting((form.text("version"),))
        await service.change_member(entered.plane, entered.caller, member.user_id, change, expected)
    except DomainError as error:
        return view.refuse(_USER, error, form, **await _gather(entered, member))
    has_locked_self_out = _is_self(entered, member) and change.state is MemberState.DISABLED
    return go_to(
        HOME if has_locked_self_out else f"{entered.path}/users/{member.user_id}", done="user-changed"
    )


@get("/users/{user_id:str}/remove")
async def show_remove(
    view: SkipValidation[View],
    entered: SkipValidation[Entered],
    member: SkipValidation[Member],
) -> Response[str]:
    """What removing means, before it is done."""
    entered.caller.require("identity:user:delete")
    values = await _gather(entered, member)
    held = values["roles"].get(member.role_id)
    if held is None or rules_access(held):
        entered.caller.require_fresh()  # now, and not when the button is pressed
    return view.render(_REMOVE, form=blank(), error=None, **values)


@post("/users/{user_id:str}/remove")
async def remove_user(
    view: SkipValidation[View],
    entered: SkipValidation[Entered],
    member: SkipValidation[Member],
    form: SkipValidation[Form],
) -> Response[str]:
    """Ends the membership, of the version that was looked at; never the person."""
    try:
        await service.remove_member(
            entered.plane, entered.caller, member.user_id, expecting((form.text("version"),))
        )
    except DomainError as error:
        return view.refuse(_REMOVE, error, form, **await _gather(entered, member))
    if _is_self(entered, member):
        return go_to(HOME, done="left")
    return go_to(entered.path, done="user-removed")


def _read_change(form: Form) -> MemberChange:
    faults = Faults()
    change = MemberChange(
        role_id=faults.take("roleID", check_role_id, form.chosen("roleID")),
        state=faults.take("state", check_member_state, form.chosen("state")),
    )
    faults.settle()
    return change


def _is_self(entered: Entered, member: Member) -> bool:
    return member.user_id == entered.caller.principal.id


async def _gather(entered: Entered, member: Member) -> Values:
    caller, plane = entered.caller, entered.plane
    roles = await roles_of(plane, caller)
    return {
        "account": await describe_account(plane, caller),
        "caller": caller,
        "region": plane.region,
        "roles": roles,
        "offerable": offerable(roles, caller),
        "may": acts_open_to(caller),
        "reading_only": reason_for_reading_only(caller),
        "member": member,
        "is_self": _is_self(entered, member),
    }


def _user_id(text: str) -> UserId:
    if (user := find_user_id(text)) is None:
        raise not_found("user")
    return user


ROUTES = [show_user, change_user, show_remove, remove_user]
