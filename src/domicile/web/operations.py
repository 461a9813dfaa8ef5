"""What a route says of itself beyond its signature: the permission it needs, the errors it may answer, how it is called."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Access(StrEnum):
    """Who may call an operation."""

    ANYONE = "anyone"
    PERSON = "person"
    """A person's session."""
    ACCOUNT = "account"
    """An API key or an account token."""
    ACCOUNT_OR_SERVICE = "account-or-service"
    """An API key, an account token, or the credential of a service of the platform."""
    SERVICE = "service"
    """The credential of a service of the platform."""
    ANYBODY_SIGNED_IN = "anybody-signed-in"
    """An API key, an account token, or a person's session, wherever they are."""
    MEMBER = "member"
    """An API key, an account token, or the session of a person who is a member of the account in the path."""


_OF_ACCOUNTS = (
    "not-authenticated",
    "credential-refused",
    "account-suspended",
    "address-not-allowed",
    "mfa-required",
    "wrong-region",
)
_IMPLIED = {
    Access.ANYONE: (),
    Access.PERSON: ("not-authenticated", "session-ended", "person-required", "user-leaving"),
    Access.ACCOUNT: (*_OF_ACCOUNTS, "account-token-required"),
    Access.ANYBODY_SIGNED_IN: (*_OF_ACCOUNTS, "session-ended", "user-leaving"),
    Access.MEMBER: (*_OF_ACCOUNTS, "session-ended", "user-leaving", "not-found"),
    Access.SERVICE: ("not-authenticated", "credential-refused"),
    Access.ACCOUNT_OR_SERVICE: (*_OF_ACCOUNTS, "account-token-required"),
}


def operation(
    access: Access,
    *,
    permission: str | None = None,
    errors: tuple[str, ...] = (),
    is_creation: bool = False,
    streams: tuple[str, ...] = (),
) -> Mapping[str, Any]:
    """Make the `opt` of a route handler: read by the published document, and by the tests that try every route as a stranger.

    `errors` are codes beyond those that every route of its kind has; `is_creation` says that `Idempotency-Key` is honoured;
    `streams` are the media types of an answer that is no JSON body but a stream of text.
    """
    implied = (*_IMPLIED[access], *(("not-permitted",) if permission else ()))
    implied += ("idempotency-key-reused",) if is_creation else ()
    return {
        "access": access,
        "permission": permission,
        "errors": (*implied, *errors),
        "is_creation": is_creation,
        "streams": streams,
    }
