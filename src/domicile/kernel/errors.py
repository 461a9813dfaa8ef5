"""The one exception that domain code raises, and the kinds by which the edge knows what it means."""

from collections.abc import Mapping
from enum import StrEnum


class ErrorKind(StrEnum):
    """What went wrong, in terms that say nothing of HTTP."""

    INVALID = "invalid"
    """The input breaks a rule; `fields` says which."""
    UNAUTHENTICATED = "unauthenticated"
    """Nobody in particular is calling."""
    FORBIDDEN = "forbidden"
    """The thing is known to the caller, the act is not theirs."""
    NOT_FOUND = "not_found"
    """Not there, or not the caller's to know of: one answer."""
    CONFLICT = "conflict"
    """The state does not allow the act."""
    STALE = "stale"
    """The caller acted on an older version than the present one."""
    ELSEWHERE = "elsewhere"
    """The account lives in a region that this node does not serve."""
    OVERLOADED = "overloaded"
    """Too much at once; the caller may try again."""
    UNAVAILABLE = "unavailable"
    """A part that is needed cannot be reached at present."""


class DomainError(Exception):
    """A rule said no.

    `code` is stable and has a page in `docs/problems/`; `message` is for the reader; `fields` maps the names of inputs
    to what is wrong with each; `facts` are further members of the problem body. None of them may hold a secret, or
    anything that the caller may not know.
    """

    def __init__(
        self,
        kind: ErrorKind,
        code: str,
        message: str,
        *,
        fields: dict[str, str] | None = None,
        facts: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(code)
        self.kind = kind
        self.code = code
        self.message = message
        self.fields = fields or {}
        self.facts: Mapping[str, object] = facts or {}


def invalid(fields: dict[str, str]) -> DomainError:
    """Make the error for inputs that break a rule, each named with its reason."""
    names = ", ".join(fields)
    return DomainError(
        ErrorKind.INVALID, "invalid-input", f"These fields need mending: {names}.", fields=fields
    )


def not_found(what: str) -> DomainError:
    """Make the one answer for what is not there and what is not the caller's; `what` is a word like `account`."""
    return DomainError(ErrorKind.NOT_FOUND, "not-found", f"There is no such {what}.")


def conflict(
    code: str, message: str, *, facts: Mapping[str, str | int | list[str]] | None = None
) -> DomainError:
    """Make the error for an act that the present state does not allow."""
    return DomainError(ErrorKind.CONFLICT, code, message, facts=facts)


def forbidden(code: str, message: str) -> DomainError:
    """Make the error for an act that the caller, who may know of the thing, may not do."""
    return DomainError(ErrorKind.FORBIDDEN, code, message)


def unauthenticated(code: str, message: str) -> DomainError:
    """Make the error for a call without valid credentials; `message` never says which part was wrong."""
    return DomainError(ErrorKind.UNAUTHENTICATED, code, message)


def stale() -> DomainError:
    """Make the error for an `If-Match` that no longer holds (RFC 9110, section 13.1.1)."""
    return DomainError(
        ErrorKind.STALE,
        "stale-version",
        "It was changed since you read it: read it again, then repeat your change.",
    )
