"""The public API as the command line calls it: one request, one answer, problems (RFC 9457) told to the reader."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import quote

import httpx2
import msgspec

from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.options import Paging

JsonObject = dict[str, object]

TIMEOUT_SECONDS = 30.0
LARGEST_PAGE = 250


@dataclass(frozen=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    content: bytes
    headers: Mapping[str, str]

    def body(self) -> JsonObject:
        """Read the JSON object in the answer; an empty answer is an empty object."""
        if not self.content:
            return {}
        try:
            return msgspec.json.decode(self.content, type=JsonObject)
        except msgspec.DecodeError:
            raise CommandError(
                Exit.REFUSED, f"The answer ({self.status}) is not one of Domicile's: is the address right?"
            ) from None


class Api:
    """The API of one server under one authorization, which is good in `account`, if that is known.

    `renew` gives a new authorization when the server refuses the present one (401), and `step_up` when it wants the person to show
    again who they are; each is asked once at most, and the refused request, which by its status had no effect, is sent again.
    """

    def __init__(
        self,
        client: httpx2.Client,
        authorization: str | None = None,
        renew: Callable[[], str] | None = None,
        account: str | None = None,
        step_up: Callable[[Answer], str] | None = None,
    ) -> None:
        self.account = account
        self._step_up = step_up
        self._client = client
        self._authorization = authorization
        self._renew = renew

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request to `/api<path>` and return the answer, refusals included."""
        answer = self._attempt(method, path, params, body, headers)
        if answer.status == 401 and self._renew is not None:
            self._authorization, self._renew = self._renew(), None
            answer = self._attempt(method, path, params, body, headers)
        if self._step_up is not None and wants_step_up(answer):
            step_up, self._step_up = self._step_up, None
            self._authorization = step_up(answer)
            answer = self._attempt(method, path, params, body, headers)
        return answer

    def authorize(self, authorization: str) -> None:
        """Speak under another authorization from now on."""
        self._authorization = authorization

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> Answer:
        """Send one request and return the answer; a refusal ends the command."""
        answer = self.send(method, path, params=params, body=body)
        if not 200 <= answer.status < 300:
            raise refusal(answer)
        return answer

    @contextmanager
    def stream(
        self, path: str, *, params: Mapping[str, str | int] | None = None
    ) -> Generator[tuple[Mapping[str, str], Iterator[bytes]]]:
        """Ask for an answer too large to hold: its headers and its pieces as they come; a refusal ends the command."""
        with ExitStack() as opened:
            response = opened.enter_context(self._open_stream(path, params))
            if response.status_code == 401 and self._renew is not None:
                self._authorization, self._renew = self._renew(), None
                response = opened.enter_context(self._open_stream(path, params))
            if response.status_code != 200:
                with self._explained():
                    response.read()
                raise refusal(Answer(response.status_code, response.content, response.headers))
            yield response.headers, self._pieces(response)

    @contextmanager
    def _open_stream(self, path: str, params: Mapping[str, str | int] | None) -> Generator[httpx2.Response]:
        headers = {} if self._authorization is None else {"Authorization": self._authorization}
        with ExitStack() as opened:
            with self._explained():
                stream = self._client.stream("GET", "/api" + path, params=params, headers=headers)
                response = opened.enter_context(stream)
            yield response

    def _pieces(self, response: httpx2.Response) -> Iterator[bytes]:
        with self._explained():
            yield from response.iter_bytes()

    def collect(
        self, path: str, plural: str, paging: Paging, *, params: Mapping[str, str | int] | None = None
    ) -> JsonObject:
        """Return a list's body: one page if one was asked for, otherwise all pages joined, without `next`."""
        if paging.limit is not None or paging.cursor is not None:
            return self.call("GET", path, params=_page_params(params, paging.limit, paging.cursor)).body()
        joined: list[JsonObject] = []
        cursor: str | None = None
        while True:
            page = self.call("GET", path, params=_page_params(params, LARGEST_PAGE, cursor)).body()
            joined += items_of(page, plural)
            cursor = text_of(page, "next") or None
            if cursor is None:
                return {plural: joined}

    def _attempt(
        self,
        method: str,
        path: str,
        params: Mapping[str, str | int] | None,
        body: Mapping[str, object] | None,
        headers: Mapping[str, str] | None,
    ) -> Answer:
        sent = dict(headers or {})
        if self._authorization is not None:
            sent["Authorization"] = self._authorization
        if body is not None:
            sent["Content-Type"] = "application/json"
        content = None if body is None else msgspec.json.encode(body)
        with self._explained():
            response = self._client.request(
                method, "/api" + path, params=params, content=content, headers=sent
            )
        return Answer(response.status_code, response.content, response.headers)

    @contextmanager
    def _explained(self) -> Generator[None]:
        """End the command with a sentence where the server does not answer, or breaks off."""
        try:
            yield
        except httpx2.TimeoutException:
            raise CommandError(Exit.UNREACHABLE, f"{self._client.base_url} did not answer in time.") from None
        except httpx2.RemoteProtocolError:
            raise CommandError(
                Exit.UNREACHABLE, f"{self._client.base_url} broke off in the middle of its answer."
            ) from None
        except (httpx2.TransportError, httpx2.DecodingError):
            raise CommandError(
                Exit.UNREACHABLE, f"{self._client.base_url} cannot be reached: is the server running?"
            ) from None


def new_client(base_url: str) -> httpx2.Client:
    """Open a client for a server; every request of it names the API's version and gives up in time."""
    return httpx2.Client(
        base_url=base_url,
        timeout=TIMEOUT_SECONDS,
        headers={"Api-Version": "v1", "Accept": "application/json", "User-Agent": "domicile-cli"},
    )


@contextmanager
def open_api(
    base_url: str,
    authorization: str | None = None,
    renew: Callable[[], str] | None = None,
    account: str | None = None,
    *,
    step_up: Callable[[Answer], str] | None = None,
) -> Generator[Api]:
    """Speak to a server for the length of a `with` block."""
    with new_client(base_url) as client:
        yield Api(client, authorization, renew, account, step_up)


def path_to(plural: str, item: str) -> str:
    """Make the path of one item; whatever was typed as its id stays one segment (RFC 3986)."""
    return f"/{plural}/{quote(item, safe='')}"


def refusal(answer: Answer) -> CommandError:
    """Make the error that tells a problem to the reader: message, fields, and the request id to ask about."""
    problem = _problem_of(answer)
    message = text_of(problem, "message") or f"The server answered {answer.status} and did not say why."
    details = [f"{name}: {reason}" for name, reason in object_of(problem, "fields").items()]
    if base_url := text_of(problem, "baseURL"):
        details.append(f"The account is reached at --url {base_url}")
    if until := text_of(problem, "purgeAfter"):
        details.append(f"Until {until} a user with full access can restore it: domicile accounts restore")
    if way_on := _way_to_showing_again(problem):
        details.append(way_on)
    if seconds := answer.headers.get("Retry-After"):
        details.append(f"Try again in {seconds} seconds.")
    if answer.status == 401:
        details.append("Sign in with domicile login; if you use one, check DOMICILE_API_KEY.")
    if request_id := answer.headers.get("X-Request-Id"):
        details.append(f"Request id: {request_id}")
    code = Exit.NOT_SIGNED_IN if answer.status == 401 else Exit.REFUSED
    return CommandError(code, message, details)


def problem_code(answer: Answer) -> str:
    """Return the code of a problem: the end of its `type`; empty if the answer is something else."""
    return _code_of(_problem_of(answer))


def wants_step_up(answer: Answer) -> bool:
    """Tell whether a refusal is undone by showing again who one is, with what the person has."""
    if answer.status != 403:
        return False
    problem = _problem_of(answer)
    code = _code_of(problem)
    return code == "reauthentication-required" or (code == "mfa-required" and problem.get("enrolled") is True)


def _problem_of(answer: Answer) -> JsonObject:
    """Read a refusal; one that is not Domicile's is told as such."""
    try:
        return answer.body()
    except CommandError as unreadable:
        return {"message": unreadable.message}


def _code_of(problem: Mapping[str, object]) -> str:
    return text_of(problem, "type").rpartition("/")[2]


def _way_to_showing_again(problem: Mapping[str, object]) -> str:
    """Say how to go on where the command itself could not."""
    match _code_of(problem):
        case "reauthentication-required":
            return "Sign in again with domicile login, then repeat the command."
        case "mfa-required" if problem.get("enrolled") is True:
            return "Sign in with your second factor, with domicile login, then repeat the command."
        case "mfa-required":
            return "Add a second factor in the console, at /me/security; then sign in with it, with domicile login."
        case _:
            return ""


def text_of(body: Mapping[str, object], name: str) -> str:
    """Return a member that is text; empty if it is absent or something else."""
    value = body.get(name)
    return value if isinstance(value, str) else ""


def object_of(body: Mapping[str, object], name: str) -> JsonObject:
    """Return a member that is an object; empty if it is absent or something else."""
    value = body.get(name)
    return msgspec.convert(value, JsonObject) if isinstance(value, dict) else {}


def items_of(body: Mapping[str, object], name: str) -> list[JsonObject]:
    """Return a member that is a list of objects; empty if it is absent or something else."""
    value = body.get(name)
    return msgspec.convert(value, list[JsonObject]) if isinstance(value, list) else []


def _page_params(
    params: Mapping[str, str | int] | None, limit: int | None, cursor: str | None
) -> dict[str, str | int]:
    page: dict[str, str | int] = dict(params or {})
    if limit is not None:
        page["limit"] = limit
    if cursor is not None:
        page["cursor"] = cursor
    return page
