import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from domicile.apps.api import running
from domicile.infra.settings import load_settings
from tests.support.people import PASSWORD, FrozenClock, link_secret


@dataclass
class Visitor:
    """Somebody with a client of the API and a look into every mailbox."""

    client: httpx2.AsyncClient
    folder: Path

    async def post(self, path: str, body: dict[str, object], *, token: str = "") -> httpx2.Response:
        headers = {"X-Request-Id": "request-1"} | ({"Authorization": f"Bearer {token}"} if token else {})
        return await self.client.post(path, json=body, headers=headers)

    async def get(self, path: str, *, token: str) -> httpx2.Response:
        return await self.client.get(path, headers={"Authorization": f"Bearer {token}"})

    async def link_to(self, address: str) -> str:
        """Wait, for at most ten seconds, for the secret of a link in a mail to an address."""
        async with asyncio.timeout(10):
            while (secret := link_secret(self.folder / "mail", address)) is None:  # noqa: ASYNC110  # a file
                await asyncio.sleep(0.02)
        return secret

    async def register(self, email: str) -> None:
        await self.post("/api/signup", {"email": email, "name": "Ann Example", "password": PASSWORD})
        verified = await self.post("/api/signup/verify", {"token": await self.link_to(email)})
        assert verified.status_code == 200

    async def sign_in(self, email: str) -> str:
        signed_in = await self.post("/api/sessions", {"email": email, "password": PASSWORD})
        return signed_in.json()["token"]


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncGenerator[Visitor]:
    settings = load_settings(None, tmp_path, {})
    async with (
        running(settings, FrozenClock()) as (app, _),
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app),  # pyright: ignore[reportArgumentType]  # two spellings of ASGI
            base_url=settings.public_url,
            headers={"Api-Version": "v1"},
        ) as client,
    ):
        yield Visitor(client, tmp_path)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/signup", {"name": "Ann Example", "password": PASSWORD}),
        ("/api/sessions", {"password": "not the right password"}),
        ("/api/password/forgot", {}),
    ],
)
async def test_known_and_unknown_addresses_get_the_same_bytes(
    visitor: Visitor, path: str, body: dict[str, object]
):
    await visitor.register("ann@example.com")
    known = await visitor.post(path, {"email": "ann@example.com", **body})
    unknown = await visitor.post(path, {"email": "nobody@example.com", **body})
    assert (known.status_code, known.content, known.headers) == (
        unknown.status_code,
        unknown.content,
        unknown.headers,
    )


async def test_a_person_signs_up_verifies_signs_in_and_is_who_they_are(visitor: Visitor):
    await visitor.register("ann@example.com")
    signed_in = await visitor.post("/api/sessions", {"email": "ann@example.com", "password": PASSWORD})
    assert signed_in.status_code == 201
    assert signed_in.headers["Cache-Control"] == "no-store"
    body = signed_in.json()
    assert body["expires"] == "2026-11-24T02:00:00Z"

    me = await visitor.get("/api/me", token=body["token"])
    assert me.json() == body["user"]
    assert me.headers["ETag"] == '"1"'
    assert set(me.json()) == {"id", "email", "name", "locale", "timezone", "state", "created", "lastModified"}
    sessions = (await visitor.get("/api/me/sessions", token=body["token"])).json()
    assert [session["current"] for session in sessions["sessions"]] == [True]
    assert "next" not in sessions

    out = await visitor.client.delete(
        "/api/sessions/current", headers={"Authorization": f"Bearer {body['token']}"}
    )
    assert (out.status_code, out.content) == (204, b"")
    assert (await visitor.get("/api/me", token=body["token"])).status_code == 401


@pytest.mark.parametrize("field", ["id", "state", "created", "lastModified", "email", "userID"])
async def test_fields_that_are_not_the_persons_to_set_are_refused(visitor: Visitor, field: str):
    await visitor.register("ann@example.com")
    token = await visitor.sign_in("ann@example.com")
    refused = await visitor.post("/api/me", {"name": "Mallory", field: "x"}, token=token)
    assert refused.status_code == 400
    assert set(refused.json()["fields"]) == {field}
    assert (await visitor.get("/api/me", token=token)).json()["name"] == "Ann Example"


async def test_a_cursor_of_somebody_elses_list_is_refused(visitor: Visitor):
    tokens: list[str] = []
    for email in ("ann@example.com", "ben@example.com"):
        await visitor.register(email)
        tokens.append(await visitor.sign_in(email))
    cursor = (await visitor.get("/api/me/events?limit=1", token=tokens[0])).json()["next"]
    assert (await visitor.get(f"/api/me/events?limit=1&cursor={cursor}", token=tokens[0])).status_code == 200
    for path in ("/api/me/events", "/api/me/sessions"):
        foreign = await visitor.get(f"{path}?cursor={cursor}", token=tokens[1])
        assert (foreign.status_code, list(foreign.json()["fields"])) == (400, ["cursor"])


@pytest.mark.parametrize(
    "body",
    [
        {"email": ["ann@example.com"], "password": PASSWORD},
        {"email": "ann@example.com", "password": 1},
        {"email": "ann@example.com"},
        {"email": "ann@example.com", "password": PASSWORD, "code": None},
        {"email": "ann@example.com\u0000", "password": PASSWORD},
        {"email": "ann@example.com", "password": "x" * 257},
    ],
)
async def test_a_malformed_sign_in_is_bad_input(visitor: Visitor, body: dict[str, object]):
    refused = await visitor.post("/api/sessions", body)
    assert refused.status_code == 400
    assert refused.json()["fields"]
    assert PASSWORD not in refused.text
