"""Why a caller is refused: each reason with its status, its code and its challenge, as RFC 9457 and RFC 6750 have them."""

import json
from typing import ClassVar

_REALM = "domicile"


class Refused(Exception):
    """A caller is refused. `detail` speaks to the caller, and holds nothing of the credential."""

    status: ClassVar[int] = 401
    code: str = "credential-refused"
    title: ClassVar[str] = "Not authenticated"
    oauth_error: ClassVar[str] = "invalid_token"
    """The `error` of the challenge (RFC 6750, section 3.1); empty where there was no credential, or it is not at fault."""
    retry_after_seconds: ClassVar[int] = 0

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    @property
    def challenge(self) -> str:
        """Write the `WWW-Authenticate` of 401 and 403 (RFC 9110, section 11.6.1); empty for other statuses."""
        if self.status not in {401, 403}:
            return ""
        parts = {"realm": _REALM, "error": self.oauth_error, **self._more_of_challenge()}
        return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parts.items() if value)

    @property
    def headers(self) -> dict[str, str]:
        """Give the headers of the answer."""
        found = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
        if self.challenge:
            found["WWW-Authenticate"] = self.challenge
        if self.retry_after_seconds:
            found["Retry-After"] = str(self.retry_after_seconds)
        return found

    def body(self) -> bytes:
        """Write the body of the answer: a problem whose `type` is a name, and no address."""
        problem: dict[str, object] = {
            "type": f"urn:domicile:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        return json.dumps(problem).encode()

    def _more_of_challenge(self) -> dict[str, str]:
        return {}


class NobodyCalling(Refused):
    """No credential was sent, or none of the two kinds, or several."""

    code = "not-authenticated"
    oauth_error = ""


class TokenInvalid(Refused):
    """It is no account token, or its signature or its claims do not hold."""

    code = "token-invalid"


class KeyUnknown(Refused):
    """The token names a key that is not, or no longer, in the region's key set."""

    code = "key-unknown"


class TokenOfAnotherRegion(Refused):
    """Another region made the credential."""

    code = "wrong-region"


class TokenExpired(Refused):
    """The token's ten minutes are over, or have not begun."""

    code = "token-expired"


class TokenVoid(Refused):
    """Something has happened since the token was made: a removal, another role, a changed password. A new token says what holds now."""

    code = "token-void"


class CredentialRefused(Refused):
    """Domicile itself refused an API key, with 401; `code` is Domicile's."""

    def __init__(self, detail: str, *, code: str) -> None:
        super().__init__(detail)
        self.code = code


class NotPermitted(Refused):
    """The caller's role does not grant what is asked for."""

    status = 403
    code = "not-permitted"
    title = "Not allowed"
    oauth_error = "insufficient_scope"

    def __init__(self, detail: str, *, permission: str = "") -> None:
        super().__init__(detail)
        self.permission = permission

    def _more_of_challenge(self) -> dict[str, str]:
        return {"scope": self.permission}


class AccessDenied(NotPermitted):
    """Domicile itself refused an API key, with 403; `code` is Domicile's, such as `account-suspended` or `address-not-allowed`."""

    oauth_error = ""

    def __init__(self, detail: str, *, code: str) -> None:
        super().__init__(detail)
        self.code = code


class SecondFactorRequired(NotPermitted):
    """The caller used no second factor in the session behind the token; an API key never did."""

    code = "mfa-required"
    oauth_error = ""


class FreshSignInRequired(NotPermitted):
    """The caller has to show again who they are, with `POST /api/me/step-up`; an API key cannot."""

    code = "reauthentication-required"
    oauth_error = ""


class NotNow(Refused):
    """Nobody can be recognised at present; the same request may be good in a moment."""

    status = 503
    title = "Not available at present"
    oauth_error = ""
    retry_after_seconds = 2


class KeysStale(NotNow):
    """The key set was last fetched more than five minutes ago, or never."""

    code = "keys-stale"


class RevocationsStale(NotNow):
    """The revocation feed was last known in full more than 60 seconds ago, or never."""

    code = "revocations-stale"


class DomicileUnreachable(NotNow):
    """An API key has to be asked about, and there was no answer."""

    code = "domicile-unreachable"
