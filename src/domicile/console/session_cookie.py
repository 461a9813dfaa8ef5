"""The cookie that carries a person's session (RFC 6265bis, `__Host-` prefix): for this host alone, over safe transport, out of scripts' reach."""

from litestar.datastructures import Cookie

from domicile.infra.secrets import SecretText

SESSION_COOKIE = "__Host-domicile-session"
"""Browsers count plain HTTP to this machine itself as safe transport."""


def session_cookie(token: SecretText) -> Cookie:
    """Make the cookie of a new session; it ends with the browser, the session itself at its limits."""
    return _cookie(token.reveal(), max_age=None)


def no_session_cookie() -> Cookie:
    """Make the cookie that takes the session's away."""
    return _cookie("", max_age=0)


def _cookie(value: str, *, max_age: int | None) -> Cookie:
    return Cookie(
        SESSION_COOKIE, path="/", value=value, max_age=max_age, secure=True, httponly=True, samesite="lax"
    )
