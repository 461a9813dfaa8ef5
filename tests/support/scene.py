"""One account with something of each kind in it, and for every operation a credential that may do it and ids that are there."""

from dataclasses import dataclass

from domicile.web.operations import Access
from tests.support.api import Api
from tests.support.apps import begin, with_app
from tests.support.operations import Operation
from tests.support.services import SERVICE_CREDENTIAL, put_cloud_accounts, put_item
from tests.support.stored import Stored, everything
from tests.support.world import Account, World, until

KEPT = (
    *("users", "passwords", "sessions", "sign_ups", "password_resets"),
    *("directory_accounts", "directory_memberships"),
    *("accounts", "memberships", "invitations", "api_keys", "idempotency_keys", "access_log", "audit_events"),
)
"""The tables in which a request that was refused leaves nothing."""


@dataclass(frozen=True)
class Scene:
    """An account whose owner calls."""

    world: World
    account: Account
    ids: dict[str, str]

    def api_for(self, operation: Operation) -> Api:
        """Give a client that may do the operation."""
        if operation.access is Access.ANYONE:
            return self.world.anyone
        if operation.access is Access.SERVICE:
            return self.world.anyone.with_(f"Bearer {SERVICE_CREDENTIAL}")
        return self.account.owner.api if operation.access is Access.PERSON else self.account.api

    def path_of(self, operation: Operation) -> str:
        """Give the operation's path with ids of things that are there."""
        return operation.at(self.ids)

    def stored(self) -> Stored:
        """Read everything that requests leave behind, once the mails are out."""
        until(lambda: everything(self.world.server, "outbox"), lambda rows: not any(rows.values()))
        return everything(self.world.server, *KEPT)


def make_scene(world: World) -> Scene:
    """Make the account and what is in it."""
    enrolled, guest = with_app(world, world.person("Ann Example")), world.person("Gus Guest")
    owner = enrolled.person
    account = world.account(owner, "de-1", "Example Labs")
    world.join(account, guest)
    body = {"email": world.address("invited"), "roleID": "read-only"}
    elsewhere = world.account(guest, "us-1", "Guest Works")
    offer = {"email": owner.email, "roleID": "read-only"}
    elsewhere.api.call("POST", "/api/invitations", offer, status=201)
    world.role(account, "auditor", {"audit": "read-only"})
    ids = {
        "account_id": account.id,
        "user_id": guest.id,
        "session_id": owner.api.call("GET", "/api/me/sessions")["sessions"][0]["id"],
        "key_id": world.key(account.api).id,
        "invitation_id": account.api.call("POST", "/api/invitations", body, status=201)["id"],
        "ref": owner.api.call("GET", "/api/me/invitations")["invitations"][0]["ref"],
        "role_id": "auditor",
        "factor_id": enrolled.app_id,
        "enrolment_id": begin(owner.api, "Tablet")["id"],
        "receipt_id": f"rec_de-1_{'0' * 22}",
        "region": "de-1",
        **put_item(account.api),
        **put_cloud_accounts(account.api),
    }
    return Scene(world, account, ids)
