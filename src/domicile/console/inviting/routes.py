"""Inviting into an account, sending an invitation again, and taking it back; shown on the account's page."""

from litestar import Response, post
from litestar.params import FromPath, SkipValidation

from domicile.console.accounts.entered import Entered
from domicile.console.accounts.page import show_refusal
from domicile.console.forms import Form
from domicile.console.views import View, go_to
from domicile.infra.email_address import parse_email_address
from domicile.kernel.errors import DomainError, not_found
from domicile.kernel.faults import Faults
from domicile.kernel.ids import InvitationId, find_invitation_id
from domicile.kernel.versions import expecting
from domicile.region.invitations import service
from domicile.region.invitations.domain import Delivery, Handed, NewInvitation
from domicile.region.invitations.offering import address_of_link
from domicile.region.roles.domain import check_role_id

_LINK = "inviting/templates/link.html"


@post("/invitations")
async def invite(
    view: SkipValidation[View],
    entered: SkipValidation[Entered],
    form: SkipValidation[Form],
) -> Response[str]:
    """Offers an address a place; the mail with the link follows, or the link is shown."""
    try:
        made = await service.invite_member(entered.plane, entered.caller, _read(form), None)
    except DomainError as error:
        return await show_refusal(view, entered, refused="invite", form=form, error=error)
    return _go_on(view, entered, made, done="invited")


@post("/invitations/{invitation_id:str}/send")
async def resend(
    view: SkipValidation[View],
    entered: SkipValidation[Entered],
    form: SkipValidation[Form],
    invitation_id: FromPath[str],
) -> Response[str]:
    """Sends a fresh link, or shows it; the one before is dead."""
    try:
        sent = await service.resend_invitation(
            entered.plane, entered.caller, _invitation_id(invitation_id), _delivery(form), expecting(None)
        )
    except DomainError as error:
        return await show_refusal(view, entered, refused="invitation", form=form, error=error)
    return _go_on(view, entered, sent, done="invitation-resent")


@post("/invitations/{invitation_id:str}/revoke")
async def revoke(
    view: SkipValidation[View],
    entered: SkipValidation[Entered],
    form: SkipValidation[Form],
    invitation_id: FromPath[str],
) -> Response[str]:
    """Takes an offer back."""
    try:
        await service.revoke_invitation(
            entered.plane, entered.caller, _invitation_id(invitation_id), expecting(None)
        )
    except DomainError as error:
        return await show_refusal(view, entered, refused="invitation", form=form, error=error)
    return go_to(entered.path, done="invitation-revoked")


def _read(form: Form) -> NewInvitation:
    faults = Faults()
    email = faults.take("email", parse_email_address, form.text("email"))
    role = faults.take("roleID", check_role_id, form.text("roleID"))
    faults.settle()
    assert email is not None
    assert role is not None
    return NewInvitation(email.shown, email.key, role, delivery=_delivery(form))


def _delivery(form: Form) -> Delivery:
    return Delivery.LINK if form.chosen("delivery") == Delivery.LINK else Delivery.MAIL


def _go_on(view: View, entered: Entered, made: Handed, *, done: str) -> Response[str]:
    """Go back to the account; where a link was made it is shown first, in the answer itself, because it is kept nowhere."""
    if made.token is None:
        return go_to(entered.path, done=done)
    link = address_of_link(entered.plane, made.token)
    return view.render(_LINK, invitation=made.invitation, link=link, back=entered.path)


def _invitation_id(text: str) -> InvitationId:
    if (found := find_invitation_id(text)) is None:
        raise not_found("invitation")
    return found


ROUTES = [invite, resend, revoke]
