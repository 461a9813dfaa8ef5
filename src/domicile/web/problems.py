"""Errors as HTTP sees them: RFC 9457 problems that are also the documented `message` and `fields`; nothing else knows a status."""

from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException

from domicile.kernel.errors import DomainError, ErrorKind

_STATUSES = {
    ErrorKind.INVALID: 400,
    ErrorKind.UNAUTHENTICATED: 401,
    ErrorKind.FORBIDDEN: 403,
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.CONFLICT: 409,
    ErrorKind.STALE: 412,
    ErrorKind.ELSEWHERE: 421,
    ErrorKind.OVERLOADED: 429,
    ErrorKind.UNAVAILABLE: 503,
}

CODES = {
    "above-your-role": 403,
    "account-not-suspended": 409,
    "account-suspended": 403,
    "account-token-required": 403,
    "address-in-use": 409,
    "address-not-allowed": 403,
    "already-member": 409,
    "api-version": 400,
    "audit-log-broken": 409,
    "body-too-large": 413,
    "credential-refused": 401,
    "database-unavailable": 503,
    "factor-wrong": 403,
    "idempotency-key-reused": 409,
    "internal-error": 500,
    "invalid-input": 400,
    "invalid-json": 400,
    "invitation-closed": 409,
    "invitation-for-another-address": 403,
    "invitation-invalid": 404,
    "invitation-open": 409,
    "invitation-repeated": 409,
    "invitation-sent-too-often": 409,
    "invitation-used": 409,
    "item-exists": 409,
    "item-in-use": 409,
    "last-full-access-user": 409,
    "link-invalid": 400,
    "method-not-allowed": 405,
    "mfa-locks-everyone-out": 409,
    "mfa-required": 403,
    "no-second-factor": 409,
    "not-authenticated": 401,
    "not-found": 404,
    "not-permitted": 403,
    "password-too-short-alone": 409,
    "passkey-known": 409,
    "passkey-refused": 400,
    "passkeys-unavailable": 409,
    "password-wrong": 403,
    "opening-refused": 400,
    "path-refused": 403,
    "person-required": 403,
    "restore-too-late": 409,
    "reauthentication-required": 403,
    "role-exists": 409,
    "role-in-use": 409,
    "role-predefined": 409,
    "second-factor-required": 401,
    "session-ended": 401,
    "sign-in-failed": 401,
    "sign-in-over": 401,
    "stale-version": 412,
    "too-busy": 429,
    "too-many-attempts": 429,
    "too-many-email-changes": 429,
    "too-many-factors": 409,
    "too-many-invitations": 429,
    "too-many-items": 409,
    "too-many-roles": 409,
    "user-leaving": 403,
    "wrong-region": 421,
}
"""Every code, with the status it is answered with; each has a page in `docs/problems/`."""

_TITLES = {
    400: "Bad input",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    412: "Changed meanwhile",
    413: "Too large",
    421: "In another region",
    429: "Too much at once",
    500: "Our mistake",
    503: "Not available at present",
}
_RETRY_AFTER_SECONDS = 2
_log = structlog.get_logger("domicile.problems")


def problem_body(status: int, error: DomainError, *, request_id: str, public_url: str) -> bytes:
    """Write the body of a problem; `instance` names the request in the logs and never the thing asked for."""
    body: dict[str, object] = {
        "message": error.message,
        "fields": error.fields,
        "type": f"{public_url}/problems/{error.code}",
        "title": _TITLES[status],
        "status": status,
        "detail": error.message,
        "instance": f"urn:request:{request_id}",
    }
    return msgspec.json.encode(body | dict(error.facts))


def status_of(error: DomainError) -> int:
    """Give the status of an error: 413 for a body that is too large, else by its kind."""
    return (
        413
        if error.code == "body-too-large"
        else 405
        if error.code == "method-not-allowed"
        else _STATUSES[error.kind]
    )


def problem_headers(status: int, error: DomainError) -> dict[str, str]:
    """Give the headers that belong to a status (RFC 9110, sections 10.2.3 and 11.6.1)."""
    if status == 401:
        return {"WWW-Authenticate": 'Bearer realm="domicile"'}
    if status in {429, 503}:
        return {"Retry-After": str(error.facts.get("retryAfter", _RETRY_AFTER_SECONDS))}
    return {}


def respond(request: Request[Any, Any, Any], error: DomainError) -> Response[bytes]:
    """Answer a request with a problem."""
    return _answer(request, error, status_of(error))


def _answer(request: Request[Any, Any, Any], error: DomainError, status: int) -> Response[bytes]:
    body = problem_body(
        status, error, request_id=_request_id(request), public_url=request.app.state.public_url
    )
    return Response(
        body,
        status_code=status,
        headers=problem_headers(status, error),
        media_type="application/problem+json",
    )


def _request_id(request: Request[Any, Any, Any]) -> str:
    return request.scope.get("state", {}).get("request_id", "unknown")


def respond_to_framework(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer with a problem where the framework refused before any of our code ran."""
    if isinstance(error, NotFoundException):
        return respond(
            request, DomainError(ErrorKind.NOT_FOUND, "not-found", "There is nothing at this address.")
        )
    if isinstance(error, MethodNotAllowedException):
        refused = DomainError(
            ErrorKind.INVALID, "method-not-allowed", f"{request.method} is not possible here."
        )
        answer = respond(request, refused)
        answer.headers.update(error.headers or {})
        return answer
    if error.status_code == 413:
        return respond(
            request, DomainError(ErrorKind.INVALID, "body-too-large", "A body may hold at most 1 MB.")
        )
    if 400 <= error.status_code < 500:
        fields = _framework_fields(error)
        names = ", ".join(fields)
        message = f"These fields need mending: {names}." if fields else "The request cannot be understood."
        return respond(request, DomainError(ErrorKind.INVALID, "invalid-input", message, fields=fields))
    return respond_to_bug(request, error)


def _framework_fields(error: HTTPException) -> dict[str, str]:
    entries: list[dict[str, Any]] = error.extra if isinstance(error.extra, list) else []
    keys = [str(entry["key"]) for entry in entries if "key" in entry]
    return {"body" if key == "data" else key: "is required" for key in keys}


def respond_to_bug(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer an error that nobody foresaw: logged with its place in the code, told as nothing but a request id."""
    _log.error(
        "unforeseen",
        error=type(error).__name__,
        method=request.method,
        request_id=_request_id(request),
        exc_info=error,
    )
    unknown = DomainError(
        ErrorKind.UNAVAILABLE,
        "internal-error",
        "Something went wrong on our side; the request id helps us find it.",
    )
    return _answer(request, unknown, 500)
