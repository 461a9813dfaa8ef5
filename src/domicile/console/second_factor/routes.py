"""Asking everybody for a second factor, or no longer, after seeing who could not enter then."""

from litestar import Response, get, post
from litestar.params import SkipValidation

from domicile.console.accounts.entered import INSIDE, Entered
from domicile.console.forms import Form, blank
from domicile.console.pages import Values
from domicile.console.views import View, go_to
from domicile.kernel.errors import DomainError, invalid
from domicile.kernel.permissions import MembershipStanding
from domicile.kernel.versions import expecting
from domicile.region.access_review.domain import REVIEW
from domicile.region.accounts.domain import parse_account_change
from domicile.region.accounts.service import check_may_set_mfa, describe_account, modify_account
from domicile.region.preflight.domain import ChangeKind, ChangeWish, Outcome
from domicile.region.preflight.service import foretell

_PAGE = "second_factor/templates/second_factor.html"


@get("/accounts/{account_id:str}/second-factor", dependencies=INSIDE)
async def show_second_factor(view: SkipValidation[View], entered: SkipValidation[Entered]) -> Response[str]:
    """What the change would do to whom; whoever may not make it in this session is led to where they can."""
    entered.caller.require("identity:account:update")
    values = await _gather(entered)
    check_may_set_mfa(entered.caller, is_required=not values["account"].mfa_required)
    return view.render(_PAGE, form=blank(), error=None, **values)


@post("/accounts/{account_id:str}/second-factor", dependencies=INSIDE)
async def set_second_factor(
    view: SkipValidation[View], entered: SkipValidation[Entered], form: SkipValidation[Form]
) -> Response[str]:
    """Makes the change to the version that was looked at."""
    try:
        is_required = _read(form)
        change = parse_account_change(mfa_required=is_required)
        await modify_account(entered.plane, entered.caller, change, expecting((form.text("version"),)))
    except DomainError as error:
        return view.refuse(_PAGE, error, form, **await _gather(entered))
    return go_to(entered.path, done="second-factor-required" if is_required else "second-factor-given-up")


def _read(form: Form) -> bool:
    if (wanted := form.text("required")) not in {"yes", "no"}:
        raise invalid({"required": "must be yes or no"})
    return wanted == "yes"


async def _gather(entered: Entered) -> Values:
    account = await describe_account(entered.plane, entered.caller)
    outcome = None if account.mfa_required else await _foretold(entered)
    return {
        "account": account,
        "region": entered.plane.region,
        "outcome": outcome,
        "shut_out": _shut_out(outcome) if outcome else [],
    }


async def _foretold(entered: Entered) -> Outcome | None:
    """Foretell what asking for a factor would do; None to who may not see the access of others."""
    if not entered.caller.may(REVIEW).allowed:
        return None
    wish = ChangeWish(kind=ChangeKind.MFA_REQUIRED, is_required=True)
    return await foretell(entered.plane, entered.caller, wish)


def _shut_out(outcome: Outcome) -> list[tuple[str, str]]:
    """List the name and address of each user named who could not enter until they have a second factor."""
    return [
        (effect.entry.name, effect.entry.email)
        for effect in outcome.affected
        if effect.is_locked_out and isinstance(effect.entry.standing.place, MembershipStanding)
    ]


ROUTES = [show_second_factor, set_second_factor]
