"""What a page says of the act that led to it: a fixed code in the address, never anybody's text."""

from types import MappingProxyType

_NOTICES = MappingProxyType(
    {
        "account-created": "The account was created. You have full access.",
        "account-deleted": "The account is suspended. Until its data is deleted, every user with full access can restore it here.",
        "account-renamed": "The account was renamed.",
        "declined": "The invitation was declined. Whoever invited you can see that.",
        "account-restored": "The account is restored. Everything in it is as it was.",
        "contacts-changed": "The contacts were changed.",
        "deletion-cancelled": "Your user stays, with everything as before.",
        "email-asked": "A mail with a link is on its way to your new address.",
        "email-cancelled": "Your address stays as it is. The link in the mail no longer works.",
        "email-changed": "Your new e-mail address is in place.",
        "email-undone": "Your address is yours again. A link to a new password is on its way to it.",
        "factor-added": "Your second factor works from now on. Every sign-in asks for it.",
        "factor-removed": "It no longer signs you in. Your other sessions go on until you end them.",
        "factor-renamed": "It has its new name.",
        "invitation-revoked": "The invitation was revoked. Its link no longer works.",
        "invitation-resent": "The invitation was sent again. Only the link in the new mail works.",
        "invited": "The invitation is on its way.",
        "item-brought-back": "The item is there again, as it was in that version.",
        "item-changed": "The change is kept, as a new version.",
        "item-deleted": "The item was deleted. Its history stays.",
        "item-made": "The item was made.",
        "item-rolled-back": "The item holds again what it held in that version.",
        "item-unchanged": "Nothing was different, so that no version was made.",
        "joined": "Welcome. You are a user of this account now.",
        "left": "You have left the account.",
        "password-changed": "Your password was changed. Your other sessions have ended.",
        "password-reset": "Your new password is set. Sign in with it.",
        "profile-changed": "Your profile was changed, for all your accounts.",
        "second-factor-asked": "This account asks for a second factor. Show yours to go on.",
        "second-factor-given-up": "This account no longer asks for a second factor.",
        "second-factor-missing": "This account asks for a second factor, and you have none yet. Add one to go on.",
        "second-factor-required": "From now on everybody needs a second factor to enter this account.",
        "session-closed": "That session has ended.",
        "session-ended": "Your session has ended. Sign in again to go on.",
        "sign-in-over": "That took too long, or too many tries. Sign in anew.",
        "sessions-closed": "Your other sessions have ended.",
        "show-again": "Show again that it is you to go on.",
        "sign-in-first": "Sign in to go on.",
        "signed-out": "You are signed out.",
        "user-deleted": "Your user is deleted. You are signed out everywhere.",
        "user-changed": "The change works from now on.",
        "user-removed": "The user was removed from this account. They keep their sign-in and their other accounts.",
        "verified": "Your address is verified. Sign in with the password that you chose.",
    }
)


def find_notice(code: str | None) -> str | None:
    """Find the text of a code; None for an unknown one."""
    return _NOTICES.get(code) if code is not None else None


def noticing(path: str, code: str) -> str:
    """Write the address of a page that is to say what was done; an unknown code is a mistake in the caller."""
    if code not in _NOTICES:
        raise ValueError(f"{code} is no notice")
    return f"{path}{'&' if '?' in path else '?'}done={code}"
