"""The token endpoint of OAuth 2.0 for clients that act for themselves (RFC 6749, sections 4.4 and 5; RFC 8707)."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl

from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientCredentialsGrant, ClientMixin, OAuth2Request
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

_MOST_FIELDS = 20
_METHODS = ("client_secret_basic", "client_secret_post")


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An access token, and how many seconds it lasts."""

    token: str
    seconds: int


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What the endpoint answers: a token, or an error in the form of the RFC."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]


Knows = Callable[[str, str], bool]
"""Tells whether a client has a secret."""
Issue = Callable[[str, str, str | None], IssuedToken | None]
"""Makes a token for a client, which showed its secret, and a resource; None where it cannot have one for that (`invalid_target`)."""


class TokenEndpoint(AuthorizationServer):
    """Answers token requests of confidential clients, which show their secret by Basic authentication or in the body."""

    def __init__(self, knows: Knows, issue: Issue) -> None:
        super().__init__()
        self.knows = knows
        self.issue = issue
        self.register_grant(_Grant)

    def answer(self, body: bytes, headers: Mapping[str, str]) -> TokenAnswer:
        """Answer one request, given its form and its headers, with their names in title case."""
        return cast("TokenAnswer", self.create_token_response(_Received(_read_form(body), headers)))

    def query_client(self, client_id: str) -> "_Client":
        """Take whoever says a name: whether there is such a client is told by its secret alone."""
        return _Client(client_id, self.knows)

    def create_oauth2_request(self, request: "_Received") -> OAuth2Request:
        """Hand a request to the library."""
        return _Request(request)

    def handle_response(self, status: int, body: Mapping[str, object], headers: Any) -> Any:  # noqa: ANN401  # the library's
        """Take an answer from the library."""
        return TokenAnswer(status, body, dict(headers))

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Tell nobody."""


@dataclass(frozen=True, slots=True)
class _Received:
    form: Mapping[str, str]
    headers: Mapping[str, str]


class _Request(OAuth2Request):
    def __init__(self, received: _Received) -> None:
        # The library refuses addresses without TLS; the one at which the server is reached is the operator's.
        super().__init__("POST", "https://domicile.invalid/oauth/token", headers=dict(received.headers))
        self._form = dict(received.form)
        self.payload = BasicOAuth2Payload(self._form)

    @property
    def form(self) -> dict[str, str]:
        return self._form

    @property
    def args(self) -> dict[str, str | None]:
        return {}


class _Client(ClientMixin):
    def __init__(self, name: str, knows: Knows) -> None:
        self.name = name
        self.secret = ""
        self._knows = knows

    def check_client_secret(self, client_secret: str) -> bool:
        self.secret = client_secret
        return self._knows(self.name, client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in _METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == ClientCredentialsGrant.GRANT_TYPE


class _Grant(ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

    def create_token_response(self) -> tuple[int, dict[str, object], Collection[tuple[str, str]]]:
        client, payload, server = self.request.client, self.request.payload, self.server
        if not (isinstance(client, _Client) and payload is not None and isinstance(server, TokenEndpoint)):
            raise TypeError("a token is issued after the client was authenticated")
        issued = server.issue(client.name, client.secret, payload.data.get("resource"))
        if issued is None:
            raise _InvalidTarget
        told: dict[str, object] = {
            "access_token": issued.token,
            "token_type": "Bearer",
            "expires_in": issued.seconds,
        }
        return 200, told, self.TOKEN_RESPONSE_HEADER


class _InvalidTarget(OAuth2Error):
    error = "invalid_target"
    description = "Name, as resource, urn:<namespace>:region:<region> of a region in which the service runs."


def _read_form(body: bytes) -> Mapping[str, str]:
    """Read a form; one that is none, or that says a parameter twice (RFC 6749, section 3.2), is empty."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        return {}
    form = dict(pairs)
    return form if len(form) == len(pairs) else {}
