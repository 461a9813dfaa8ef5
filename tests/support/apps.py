"""Authenticator apps of people in tests: what they show at a moment, and how somebody comes to have one through the API."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pyotp.totp import TOTP

from tests.support.api import Api
from tests.support.world import Person, World

STEP = timedelta(seconds=30)


def shown(secret: str, moment: datetime) -> str:
    """Give the six digits that an app shows at a moment."""
    return TOTP(secret).at(moment)


@dataclass(frozen=True)
class WithApp:
    """Somebody with an authenticator app; `person` speaks with the session in which it was used."""

    person: Person
    app_id: str
    secret: str
    codes: list[str]
    """Their recovery codes; none if they had some before."""

    @property
    def api(self) -> Api:
        return self.person.api


def begin(api: Api, name: str = "Phone", **more: Any) -> dict[str, Any]:
    """Begin to add an app."""
    return api.call("POST", "/api/me/factors/totp", {"name": name, **more}, status=201)


def confirm(world: World, api: Api, begun: dict[str, Any]) -> dict[str, Any]:
    """Type the first code of an app that was begun."""
    code = shown(begun["secret"], world.server.clock.now)
    return api.call("POST", f"/api/me/factors/totp/{begun['id']}/confirm", {"code": code})


def with_app(world: World, person: Person, name: str = "Phone", **more: Any) -> WithApp:
    """Give somebody an authenticator app, and go on with the session that was lifted by it."""
    begun = begin(person.api, name, **more)
    confirmed = confirm(world, person.api, begun)
    lifted = replace(person, api=world.anyone.with_(f"Bearer {confirmed['token']}"))
    return WithApp(lifted, begun["id"], begun["secret"], confirmed.get("recoveryCodes", []))
