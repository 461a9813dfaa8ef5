"""The HTTP edge of changes of address."""

from litestar import delete, post
from litestar.params import JSONBody, SkipValidation

from domicile.identity.email_change import service
from domicile.identity.email_change.schemas import EmailChangeAcceptedBody, EmailChangeBody, EmailLinkBody
from domicile.identity.plane import IdentityPlane
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Origin, Person
from domicile.web.operations import Access, operation


@post(
    "/api/me/email",
    status_code=202,
    summary="Ask for another e-mail address",
    tags=["Me"],
    opt=operation(
        Access.PERSON,
        errors=(
            "password-wrong",
            "reauthentication-required",
            "too-many-attempts",
            "too-busy",
            "too-many-email-changes",
        ),
    ),
)
async def change_my_email(
    data: JSONBody[EmailChangeBody], person: SkipValidation[Person], identity: SkipValidation[IdentityPlane]
) -> EmailChangeAcceptedBody:
    """A link to the new address completes the change; the present one is told, with a link against it. The answer does not tell whether the new address is known."""
    await service.ask_for_email(identity, person, data.email, SecretText(data.password))
    return EmailChangeAcceptedBody()


@delete(
    "/api/me/email",
    summary="Take the wish for another address back",
    tags=["Me"],
    opt=operation(Access.PERSON, errors=("not-found",)),
)
async def cancel_my_email(person: SkipValidation[Person], identity: SkipValidation[IdentityPlane]) -> None:
    """The link to the new address is worth nothing afterwards."""
    await service.cancel_email(identity, person)


@post(
    "/api/email/verify",
    status_code=204,
    summary="Prove a new address with the link in the mail",
    tags=["Registration"],
    opt=operation(Access.ANYONE, errors=("link-invalid", "too-many-attempts")),
)
async def verify_email(
    data: JSONBody[EmailLinkBody], identity: SkipValidation[IdentityPlane], origin: SkipValidation[Origin]
) -> None:
    """Puts the new address in place. Ends every session but the one that asked, and every account token. A link works once."""
    await service.prove_email(identity, data.token, origin)


@post(
    "/api/email/undo",
    status_code=204,
    summary="Take a change of address back with the link in the mail",
    tags=["Registration"],
    opt=operation(Access.ANYONE, errors=("link-invalid", "too-many-attempts", "address-in-use")),
)
async def undo_email(
    data: JSONBody[EmailLinkBody], identity: SkipValidation[IdentityPlane], origin: SkipValidation[Origin]
) -> None:
    """Puts the former address back, ends every session and account token, and asks for a new password by mail. A link works once."""
    await service.undo_email(identity, data.token, origin)


ROUTES = [change_my_email, cancel_my_email, verify_email, undo_email]
