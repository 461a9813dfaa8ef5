"""Deleting an account, after a warning that asks for its name, and restoring it from the list."""

from litestar import Response, get, post
from litestar.params import SkipValidation

from domicile.console.accounts.entered import INSIDE, RESTORING, Entered
from domicile.console.forms import Form, blank
from domicile.console.pages import Values
from domicile.console.views import View, go_to
from domicile.kernel.errors import DomainError, invalid
from domicile.kernel.versions import expecting
from domicile.region.accounts.service import describe_account
from domicile.region.lifecycle.service import restore_account, suspend_account

_DELETE = "ending/templates/delete.html"
_ACCOUNTS = "/accounts"


@get("/accounts/{account_id:str}/delete", dependencies=INSIDE)
async def show_delete(view: SkipValidation[View], entered: SkipValidation[Entered]) -> Response[str]:
    """What deleting means, before it is done."""
    entered.caller.require("identity:account:delete")
    entered.caller.require_fresh()
    return view.render(_DELETE, form=blank(), error=None, **await _gather(entered))


@post("/accounts/{account_id:str}/delete", dependencies=INSIDE)
async def delete(
    view: SkipValidation[View], entered: SkipValidation[Entered], form: SkipValidation[Form]
) -> Response[str]:
    """Suspends the account, of the version that was looked at, if its name was typed."""
    values = await _gather(entered)
    try:
        if form.text("alias").strip() != values["account"].alias:
            raise invalid({"alias": "must be the name of the account, as it is shown above"})
        await suspend_account(entered.plane, entered.caller, expecting((form.text("version"),)))
    except DomainError as error:
        return view.refuse(_DELETE, error, form, **values)
    return go_to(_ACCOUNTS, done="account-deleted")


@post("/accounts/{account_id:str}/restore", dependencies=RESTORING)
async def restore(entered: SkipValidation[Entered]) -> Response[str]:
    """Opens the account again, with everything as it was."""
    await restore_account(entered.plane, entered.caller)
    return go_to(entered.path, done="account-restored")


async def _gather(entered: Entered) -> Values:
    return {
        "account": await describe_account(entered.plane, entered.caller),
        "region": entered.plane.region,
        "days": entered.plane.settings.accounts.suspension_days,
    }


ROUTES = [show_delete, delete, restore]
