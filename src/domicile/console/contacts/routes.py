"""Changing the contacts of an account: three lists of addresses."""

from dataclasses import asdict

from litestar import Response, get, post
from litestar.params import SkipValidation

from domicile.console.accounts.entered import INSIDE, Entered
from domicile.console.accounts.page import CONTACT_LISTS
from domicile.console.forms import Form, blank
from domicile.console.pages import Values
from domicile.console.views import View, go_to
from domicile.kernel.errors import DomainError
from domicile.kernel.versions import expecting
from domicile.region.accounts.service import describe_account
from domicile.region.contacts.domain import MOST_ADDRESSES
from domicile.region.contacts.schemas import read_lists
from domicile.region.contacts.service import change_contacts, describe_contacts

_CONTACTS = "contacts/templates/contacts.html"


@get("/accounts/{account_id:str}/contacts", dependencies=INSIDE)
async def show_contacts(view: SkipValidation[View], entered: SkipValidation[Entered]) -> Response[str]:
    """The lists, to be changed."""
    entered.caller.require("identity:account:update")
    return view.render(_CONTACTS, form=blank(), error=None, **await _gather(entered))


@post("/accounts/{account_id:str}/contacts", dependencies=INSIDE)
async def change(
    view: SkipValidation[View], entered: SkipValidation[Entered], form: SkipValidation[Form]
) -> Response[str]:
    """Replaces the lists, of the version that was looked at."""
    try:
        wanted = read_lists({name: form.text(name).replace(",", " ").split() for name in CONTACT_LISTS})
        expected = expecting((form.text("version"),))
        await change_contacts(entered.plane, entered.caller, wanted, expected)
    except DomainError as error:
        return view.refuse(_CONTACTS, error, form, **await _gather(entered))
    return go_to(entered.path, done="contacts-changed")


async def _gather(entered: Entered) -> Values:
    return {
        "account": await describe_account(entered.plane, entered.caller),
        "contacts": asdict(await describe_contacts(entered.plane, entered.caller)),
        "contact_lists": CONTACT_LISTS,
        "region": entered.plane.region,
        "most": MOST_ADDRESSES,
    }


ROUTES = [show_contacts, change]
