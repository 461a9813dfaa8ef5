"""Every page of somebody who is signed in shows the way out (OWASP ASVS 5.0, 7.4.4)."""

from litestar.routes import HTTPRoute

from domicile.console.session_cookie import SESSION_COOKIE
from tests.support.world import World

_SIGN_OUT = 'action="/sign-out"'


def test_every_page_of_somebody_who_is_signed_in_shows_the_way_out(world: World) -> None:
    person = world.person("Ann Example")
    account = world.account(person)
    cookie = f"{SESSION_COOKIE}={(person.api.authorization or '').removeprefix('Bearer ')}"
    shown: list[str] = []
    for route in world.server.app.routes:
        path = route.path_format.replace("{account_id}", account.id)
        if not isinstance(route, HTTPRoute) or "GET" not in route.methods or "{" in path:
            continue
        answer = world.server.client.get(path, headers={"Cookie": cookie}, follow_redirects=False)
        is_page = answer.headers.get("content-type", "").startswith("text/html")
        # The mailbox is of the whole installation, for trying it out, and nobody is signed in to it.
        if answer.status_code == 200 and is_page and not path.startswith("/mailbox"):
            assert _SIGN_OUT in answer.text, path
            shown.append(path)

    assert {"/accounts", "/me", "/me/security", f"/accounts/{account.id}"} <= set(shown)
