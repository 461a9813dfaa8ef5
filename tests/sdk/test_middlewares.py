"""Nobody who is not known reaches a service behind a middleware, and refusals are problems with a challenge."""

from collections.abc import Generator
from typing import Any

import httpx2
import pytest

from domicile_sdk import current_principal, dependency, require
from domicile_sdk.asgi import App, DomicileMiddleware
from domicile_sdk.refusal import NobodyCalling, NotPermitted
from domicile_sdk.requiring import acting
from domicile_sdk.testing import FakeRegion
from tests.support.sdk import MANIFEST
from tests.support.serving_sdk import asgi_serving, wsgi_serving


@pytest.fixture(scope="module")
def region() -> FakeRegion:
    return FakeRegion(MANIFEST)


@pytest.fixture(scope="module", params=[asgi_serving, wsgi_serving], ids=["asgi", "wsgi"])
def service(region: FakeRegion, request: pytest.FixtureRequest) -> Generator[httpx2.Client]:
    with request.param(region) as client:
        yield client


def get(service: httpx2.Client, path: str, authorization: str | None = None) -> httpx2.Response:
    return service.get(path, headers={} if authorization is None else {"Authorization": authorization})


def refused(answer: httpx2.Response) -> tuple[int, str]:
    problem = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert problem["status"] == answer.status_code and problem["title"] and problem["detail"]
    return answer.status_code, problem["type"].removeprefix("urn:domicile:problem:")


def test_the_service_is_told_who_is_calling(service: httpx2.Client, region: FakeRegion):
    answer = get(service, "/policies", f"Bearer {region.token(user='ann', role='keeper')}")

    assert (answer.status_code, answer.text) == (200, "ann keeper")


def test_without_a_credential_the_challenge_names_no_error_and_with_a_wrong_one_it_does(
    service: httpx2.Client,
):
    bare, wrong = get(service, "/policies"), get(service, "/policies", "Bearer wrong")

    assert refused(bare) == (401, "not-authenticated")
    assert bare.headers["WWW-Authenticate"] == 'Bearer realm="domicile"'
    assert refused(wrong) == (401, "token-invalid")
    assert wrong.headers["WWW-Authenticate"] == 'Bearer realm="domicile", error="invalid_token"'
    assert "wrong" not in wrong.text


def test_a_permission_that_a_handler_asks_for_is_named_in_the_refusal(
    service: httpx2.Client, region: FakeRegion
):
    allowed = get(service, "/changes", f"Bearer {region.token()}")
    reader = get(service, "/changes", f"Bearer {region.token(levels={'workload': 'read-only'})}")

    assert (allowed.status_code, allowed.text) == (200, "changed")
    assert refused(reader) == (403, "not-permitted")
    assert 'error="insufficient_scope", scope="workload:policy:update"' in reader.headers["WWW-Authenticate"]


def test_a_path_that_is_open_needs_nobody_and_gives_nobody_away(service: httpx2.Client, region: FakeRegion):
    for authorization in (None, "Bearer wrong", f"Bearer {region.token()}"):
        assert get(service, "/healthz", authorization).text == "open to None"
    for other in ("/healthz/", "/healthz/x", "/Healthz"):
        assert get(service, other).status_code == 401


def test_while_the_feed_is_stale_callers_are_asked_to_come_again(service: httpx2.Client, region: FakeRegion):
    token = region.token()
    assert get(service, "/policies", f"Bearer {token}").status_code == 200
    region.is_reachable = False
    region.advance(61)
    try:
        answer = get(service, "/policies", f"Bearer {token}")
    finally:
        region.is_reachable = True

    assert refused(answer) == (503, "revocations-stale")
    assert answer.headers["Retry-After"] == "2"
    assert "WWW-Authenticate" not in answer.headers


def test_two_credentials_are_none(service: httpx2.Client, region: FakeRegion):
    twice = [("Authorization", f"Bearer {region.token()}"), ("Authorization", f"Bearer {region.token()}")]

    assert service.get("/policies", headers=twice).status_code == 401


class Calls:
    """What an ASGI application is given and gives, by hand."""

    def __init__(self, *received: dict[str, Any]) -> None:
        self.received = list(received)
        self.sent: list[Any] = []

    async def receive(self) -> Any:  # noqa: ANN401  # a message
        return self.received.pop(0)

    async def send(self, message: Any) -> None:  # noqa: ANN401  # a message
        self.sent.append(message)


def websocket(authorization: str | None, **more: Any) -> dict[str, Any]:
    headers = [(b"authorization", authorization.encode())] if authorization else []
    return {"type": "websocket", "path": "/live", "headers": headers, **more}


async def greet(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401  # as ASGI has it
    assert (await receive())["type"] == "websocket.connect"
    current_principal().require("workload:policy:update")
    await send({"type": "websocket.accept"})


async def test_a_websocket_is_refused_before_it_is_accepted_as_well_as_its_server_can(region: FakeRegion):
    app = DomicileMiddleware(greet, guard=region.async_guard())
    reader = f"Bearer {region.token(levels={'workload': 'read-only'})}"
    for authorization, status in ((None, 401), (reader, 403)):
        plain, rich = Calls({"type": "websocket.connect"}), Calls({"type": "websocket.connect"})
        await app(websocket(authorization), plain.receive, plain.send)
        await app(
            websocket(authorization, extensions={"websocket.http.response": {}}), rich.receive, rich.send
        )
        assert [(m["type"], m["code"]) for m in plain.sent] == [("websocket.close", 1008)]
        assert [m["type"] for m in rich.sent] == [
            "websocket.http.response.start",
            "websocket.http.response.body",
        ]
        assert rich.sent[0]["status"] == status
    known = Calls({"type": "websocket.connect"})
    await app(websocket(f"Bearer {region.token()}"), known.receive, known.send)
    assert known.sent == [{"type": "websocket.accept"}]


class Living:
    """A guard that tells of its life."""

    def __init__(self, region: FakeRegion) -> None:
        self.told: list[str] = []
        self.authenticate = region.async_guard().authenticate

    async def start(self) -> None:
        self.told.append("guard started")

    async def stop(self) -> None:
        self.told.append("guard stopped")


async def lives(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401  # as ASGI has it
    for phase in ("startup", "shutdown"):
        assert (await receive())["type"] == f"lifespan.{phase}"
        await send({"type": f"lifespan.{phase}.complete", "by": "application"})


async def knows_nothing(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401  # as ASGI has it
    assert scope["type"] == "http"


async def ends_at_once(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401  # as ASGI has it
    await receive()


@pytest.mark.parametrize(("app", "by"), [(lives, "application"), (knows_nothing, None), (ends_at_once, None)])
async def test_the_guard_lives_as_long_as_the_server_whatever_the_application_knows_of_lifespans(
    region: FakeRegion, app: App, by: str | None
):
    guard, calls = Living(region), Calls({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})

    await DomicileMiddleware(app, guard=guard)({"type": "lifespan"}, calls.receive, calls.send)

    assert guard.told == ["guard started", "guard stopped"]
    assert [(message["type"], message.get("by")) for message in calls.sent] == [
        ("lifespan.startup.complete", by),
        ("lifespan.shutdown.complete", by),
    ]


async def test_a_start_that_failed_is_not_hidden(region: FakeRegion):
    async def fails(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401  # as ASGI has it
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        raise RuntimeError("no database")

    guard, calls = Living(region), Calls({"type": "lifespan.startup"})
    with pytest.raises(RuntimeError):
        await DomicileMiddleware(fails, guard=guard)({"type": "lifespan"}, calls.receive, calls.send)
    assert guard.told[-1] == "guard stopped"
    assert [message["type"] for message in calls.sent] == ["lifespan.startup.failed"]


async def test_a_scope_of_another_kind_goes_through(region: FakeRegion):
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401  # as ASGI has it
        seen.append(scope["type"])

    await DomicileMiddleware(app, guard=Living(region))({"type": "new"}, Calls().receive, Calls().send)
    assert seen == ["new"]


async def test_a_refusal_after_the_answer_has_begun_breaks_it_off(region: FakeRegion):
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401  # as ASGI has it
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise NotPermitted("too late")

    calls = Calls()
    scope = {
        "type": "http",
        "path": "/",
        "headers": [(b"authorization", f"Bearer {region.token()}".encode())],
    }
    with pytest.raises(NotPermitted):
        await DomicileMiddleware(app, guard=region.async_guard())(scope, calls.receive, calls.send)

    assert [message["type"] for message in calls.sent] == ["http.response.start"]


async def test_a_handler_asks_by_a_decorator_or_a_dependency_and_keeps_its_name_and_its_arguments(
    region: FakeRegion,
):
    @require("workload:policy:read")
    def read(number: int, *, more: int) -> int:
        """Read."""
        return number + more

    @require("workload:policy:read")
    async def read_later(number: int) -> int:
        return number

    principal = region.guard().authenticate(f"Bearer {region.token(levels={'workload': 'read-only'})}")
    with acting(principal):
        assert (read(1, more=2), await read_later(3), read.__name__, read.__doc__) == (3, 3, "read", "Read.")
        assert dependency("workload:policy:read")() == principal
        with pytest.raises(NotPermitted):
            dependency("workload:policy:update")()
    with pytest.raises(NobodyCalling):
        read(1, more=2)
    with pytest.raises(NobodyCalling):
        await read_later(3)
