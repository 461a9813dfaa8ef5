"""What a caller sends in `Authorization`, and what Domicile says of an API key."""

from dataclasses import dataclass, field
from types import MappingProxyType

from domicile_sdk.exchange import Answer, Conversation, Fields, Request, Unreachable, ask
from domicile_sdk.principal import Principal, PrincipalKind
from domicile_sdk.problem import problem_of
from domicile_sdk.refusal import (
    AccessDenied,
    CredentialRefused,
    DomicileUnreachable,
    NobodyCalling,
    TokenOfAnotherRegion,
)
from domicile_sdk.service import Service

_LONGEST_API_KEY = 512
_ASK_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class AccountToken:
    """A JWT, which the service verifies itself."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key with its secret, which Domicile alone can verify."""

    text: str = field(repr=False)
    """`id:secret`."""


def read_authorization(authorization: str | None) -> AccountToken | ApiKey:
    """Read the header; `NobodyCalling` if it is absent or of another kind."""
    scheme, _, text = (authorization or "").strip().partition(" ")
    text = text.strip()
    if scheme.lower() == "bearer" and text:
        return AccountToken(text)
    if scheme.lower() == "apikey" and ":" in text and len(text) <= _LONGEST_API_KEY and _is_plain(text):
        return ApiKey(text)
    raise NobodyCalling(
        "Send an account token (Authorization: Bearer ...) or an API key (Authorization: ApiKey id:secret)."
    )


def ask_about(key: ApiKey, service: Service, base_url: str) -> Conversation[Principal]:
    """Ask the region who an API key is: each time, so that a locked key is refused from that moment on."""
    headers = {"Api-Version": "v1", "Authorization": f"ApiKey {key.text}"}
    request = Request("GET", f"{base_url}/api/whoami", headers, timeout_seconds=_ASK_TIMEOUT_SECONDS)
    try:
        answer = yield from _ask_twice(request)
        _pass_refusal_on(answer, service)
        return _principal_of(answer.body(), service)
    except (Unreachable, ValueError):
        raise DomicileUnreachable("The API key cannot be asked about at present.") from None


def _ask_twice(request: Request) -> Conversation[Answer]:
    """Ask again at once where there was no answer: a connection that was kept may have been closed on the other side."""
    try:
        return (yield from ask(request))
    except Unreachable:
        return (yield from ask(request))


def _pass_refusal_on(answer: Answer, service: Service) -> None:
    if answer.status == 200:
        return
    problem = problem_of(answer)
    if answer.status == 421:
        raise _of_another_region(service)
    if answer.status == 401:
        raise CredentialRefused(problem.detail, code=problem.code)
    if answer.status == 403:
        raise AccessDenied(problem.detail, code=problem.code)
    raise Unreachable(f"Domicile answered {answer.status} {problem.code}")


def _principal_of(body: Fields, service: Service) -> Principal:
    if body.text("kind") != PrincipalKind.API_KEY:
        raise ValueError("not an API key")
    if body.text("region") != service.region:
        raise _of_another_region(service)
    return Principal(
        kind=PrincipalKind.API_KEY,
        urn=body.text("principalURN"),
        id=body.text("id"),
        account=body.text("accountID"),
        region=body.text("region"),
        role=body.text("roleID"),
        levels=MappingProxyType(body.text_map("levels")),
        manifest=service.manifest,
        now=service.clock.now,
    )


def _of_another_region(service: Service) -> TokenOfAnotherRegion:
    return TokenOfAnotherRegion(f"This service takes API keys of the region {service.region} alone.")


def _is_plain(text: str) -> bool:
    """Whether a text may stand in a header: visible letters of ASCII alone."""
    return all("!" <= letter <= "~" for letter in text)
