"""Whatever is taken away from somebody is refused at the very next request, on every credential that they held."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from domicile.console.session_cookie import SESSION_COOKIE
from domicile.identity.disabling.service import disable_person
from domicile.kernel.ids import UserId
from tests.support.api import Api
from tests.support.world import Account, Key, Person, World

_NEW_PASSWORD = "a lighthouse over nine rivers"
_KEEPER = {"identity": "full-access", "audit": "read-only"}


@dataclass(frozen=True)
class Held:
    """Everything that a member of an account may hold, all of it good; and a key of theirs with what it holds."""

    world: World
    account: Account
    guest: Person
    session: Api
    """Another session than the guest's own, as from another machine."""
    inside: Api
    key: Key
    cursor: str
    key_cursor: str
    invitation: str
    key_invitation: str

    def statuses(self) -> dict[str, int]:
        """Use every credential once, to read; what writes is tried last."""
        users, cookie = "/api/users?limit=1", f"{SESSION_COOKIE}={(self.session.authorization or '')[7:]}"
        page = self.world.server.client.get(
            f"/accounts/{self.account.id}", headers={"Cookie": cookie}, follow_redirects=False
        )
        preview = self.world.anyone
        return {
            "session": self.session.get(f"/api/accounts/{self.account.id}").status_code,
            "session, entering": self.session.post(f"/api/accounts/{self.account.id}/token").status_code,
            "console cookie": page.status_code,
            "account token": self.inside.get("/api/whoami").status_code,
            "cursor": self.inside.get(f"{users}&cursor={self.cursor}").status_code,
            "invitation": preview.post("/api/invitations/preview", {"token": self.invitation}).status_code,
            "key": self.key.api.get("/api/whoami").status_code,
            "key's cursor": self.key.api.get(f"{users}&cursor={self.key_cursor}").status_code,
            "key's invitation": preview.post(
                "/api/invitations/preview", {"token": self.key_invitation}
            ).status_code,
            "token, writing": _writes(self.inside),
            "key, writing": _writes(self.key.api),
        }

    def owner(self, method: str, path: str, body: object = None, *, status: int = 200) -> None:
        self.account.api.call(method, path, body, status=status)


def _writes(api: Api) -> int:
    answer = api.post("/api/access/check", {"action": "identity:apikey:create"})
    if answer.status_code != 200:
        return answer.status_code
    return 200 if answer.json()["allowed"] else 403


_GOOD = {
    "session": 200,
    "session, entering": 201,
    "console cookie": 200,
    "account token": 200,
    "cursor": 200,
    "invitation": 200,
    "key": 200,
    "key's cursor": 200,
    "key's invitation": 200,
    "token, writing": 200,
    "key, writing": 200,
}
_GONE = {
    "session": 404,
    "session, entering": 404,
    "console cookie": 404,
    "account token": 401,
    "cursor": 401,
    "invitation": 404,
    "token, writing": 401,
}
"""The person has no place any more; the key is the account's, and goes on."""
_SIGNED_OUT = {
    "session": 401,
    "session, entering": 401,
    "console cookie": 303,
    "account token": 401,
    "cursor": 401,
    "token, writing": 401,
}
_KEY_GONE = {"key": 401, "key's cursor": 401, "key's invitation": 404, "key, writing": 401}


def _disable_by_platform(held: Held) -> None:
    """As the operator's command does, in this process."""
    server = held.world.server
    server.run(disable_person(server.node.identity, UserId(held.guest.id), "stolen laptop"))


def _delete_themselves(held: Held) -> None:
    done = held.guest.api.send("DELETE", "/api/me", {"password": held.guest.password})
    assert done.status_code < 300, done.text


def _change_password(held: Held) -> None:
    secret = {"currentPassword": held.guest.password, "newPassword": _NEW_PASSWORD}
    held.guest.api.call("POST", "/api/me/password", secret, status=204)


def _narrow(held: Held, levels: dict[str, str]) -> None:
    urns = [f"urn:domicile:{s}:de-1:{held.account.id}:role/{level}" for s, level in levels.items()]
    held.owner("POST", "/api/roles/keeper", {"serviceRoleURNs": urns})


_BLIND = {"session": 403, "console cookie": 303, "cursor": 403, "invitation": 404, "token, writing": 403}
_NARROWINGS: dict[str, tuple[Callable[[Held], None], dict[str, int]]] = {
    "nothing": (lambda _: None, {}),
    "member removed": (
        lambda held: held.owner("DELETE", f"/api/users/{held.guest.id}", status=204),
        _GONE,
    ),
    "member disabled": (
        lambda held: held.owner("POST", f"/api/users/{held.guest.id}", {"state": "disabled"}),
        _GONE,
    ),
    "member demoted": (
        lambda held: held.owner("POST", f"/api/users/{held.guest.id}", {"roleID": "read-only"}),
        {"invitation": 404, "token, writing": 403},
    ),
    "member given a role that sees no users": (
        lambda held: held.owner("POST", f"/api/users/{held.guest.id}", {"roleID": "blind"}),
        _BLIND,
    ),
    "role narrowed": (
        lambda held: _narrow(held, {"audit": "read-only"}),
        _BLIND | {"key's cursor": 403, "key's invitation": 404, "key, writing": 403},
    ),
    "key locked": (
        lambda held: held.owner("POST", f"/api/apikeys/{held.key.id}", {"enabled": False}),
        _KEY_GONE,
    ),
    "key deleted": (
        lambda held: held.owner("DELETE", f"/api/apikeys/{held.key.id}", status=204),
        _KEY_GONE,
    ),
    "key demoted": (
        lambda held: held.owner("POST", f"/api/apikeys/{held.key.id}", {"roleID": "read-only"}),
        {"key's invitation": 404, "key, writing": 403},
    ),
    "key's networks set": (
        lambda held: held.owner("POST", f"/api/apikeys/{held.key.id}", {"allowedIPs": ["192.0.2.1"]}),
        {"key": 403, "key's cursor": 403, "key, writing": 403},
    ),
    "password changed": (_change_password, _SIGNED_OUT),
    "user disabled by the platform": (_disable_by_platform, _SIGNED_OUT | {"invitation": 404}),
    "user deleted by themselves": (_delete_themselves, _SIGNED_OUT | {"invitation": 404}),
    "account suspended": (
        lambda held: held.owner("DELETE", f"/api/accounts/{held.account.id}"),
        dict.fromkeys(_GOOD, 403) | {"invitation": 404, "key's invitation": 404},
    ),
}


@pytest.fixture
def held(world: World) -> Held:
    account, guest = world.account(world.person("Ann Owner")), world.person("Gus Guest")
    world.role(account, "keeper", _KEEPER)
    world.role(account, "blind", {"audit": "read-only"})
    inside = world.join(account, guest, "keeper")
    key = world.key(inside, "keeper")
    cursors = [api.call("GET", "/api/users?limit=1")["next"] for api in (inside, key.api)]
    links = [world.invite(api, world.address("invited"), "keeper") for api in (inside, key.api)]
    session = world.sign_in(guest.email)
    return Held(world, account, guest, session, inside, key, cursors[0], cursors[1], links[0], links[1])


@pytest.mark.parametrize("narrowing", _NARROWINGS)
def test_every_credential_is_refused_or_narrowed_at_the_very_next_request(held: Held, narrowing: str) -> None:
    act, changed = _NARROWINGS[narrowing]
    assert held.statuses() == held.statuses() == _GOOD, "warm, and good"

    act(held)

    assert held.statuses() == _GOOD | changed
    assert held.statuses() == _GOOD | changed, "and stays so"
