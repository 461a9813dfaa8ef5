"""The cookies that carry a person's session, and a sign-in under way (RFC 6265bis, `__Host-` prefix): for this host alone, over safe transport, out of scripts' reach."""

from typing import Literal

from litestar.datastructures import Cookie

from domicile.identity.signing_in.domain import LIFETIME
from domicile.infra.secrets import SecretText

SESSION_COOKIE = "__Host-domicile-session"
"""Browsers count plain HTTP to this machine itself as safe transport."""
SIGN_IN_COOKIE = "__Host-domicile-sign-in"
PASSKEY_COOKIE = "__Host-domicile-passkey"
"""Of a sign-in that names nobody yet; of its own, so that looking at the first page takes no other sign-in's place."""


def session_cookie(token: SecretText) -> Cookie:
    """Make the cookie of a new session; it ends with the browser, the session itself at its limits."""
    return _cookie(token.reveal(), max_age=None)


def no_session_cookie() -> Cookie:
    """Make the cookie that takes the session's away."""
    return _cookie("", max_age=0)


def sign_in_cookie(token: SecretText, *, name: str = SIGN_IN_COOKIE) -> Cookie:
    """Make the cookie of a sign-in under way: no other site's page can send it, and it ends when the sign-in does."""
    lasts = int(LIFETIME.total_seconds())
    return _cookie(token.reveal(), max_age=lasts, name=name, samesite="strict")


def no_sign_in_cookie() -> Cookie:
    """Make the cookie that takes the sign-in's away."""
    return _cookie("", max_age=0, name=SIGN_IN_COOKIE, samesite="strict")


def _cookie(
    value: str, *, max_age: int | None, name: str = SESSION_COOKIE, samesite: Literal["lax", "strict"] = "lax"
) -> Cookie:
    return Cookie(name, path="/", value=value, max_age=max_age, secure=True, httponly=True, samesite=samesite)
