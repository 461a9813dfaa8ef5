"""What is sent to Domicile's API and how the answers are read, without sending anything."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from domicile_sdk.client.answers import Account, Decision, Item, Revocations, ServiceEntry, User, Whoami
from domicile_sdk.client.sending import Page, Sender, part
from domicile_sdk.exchange import Conversation


@dataclass(frozen=True, slots=True)
class Calls:
    """Every call, as a conversation; what else a service may say to Domicile gets its place here."""

    sender: Sender

    def whoami(self) -> Conversation[Whoami]:
        """Ask who the credential is."""
        return self.sender.get("/api/whoami", Whoami.of)

    def account(self, account: str) -> Conversation[Account]:
        """Describe an account."""
        return self.sender.get(f"/api/accounts/{part(account)}", Account.of)

    def users(self, cursor: str) -> Conversation[Page[User]]:
        """List a page of the account's users."""
        return self.sender.page("/api/users", "users", User.of, cursor)

    def services(self) -> Conversation[list[ServiceEntry]]:
        """List the services in the account's region."""
        return self.sender.get(
            "/api/services", lambda body: [ServiceEntry.of(each) for each in body.objects("services")]
        )

    def items(self, service: str, kind: str, cursor: str) -> Conversation[Page[Item]]:
        """List a page of an account's items, by the plural of their kind."""
        return self.sender.page(_items(service, kind), "items", Item.of, cursor)

    def item(self, service: str, kind: str, name: str) -> Conversation[Item]:
        """Describe an item."""
        return self.sender.get(f"{_items(service, kind)}/{part(name)}", Item.of)

    def create_item(
        self,
        service: str,
        kind: str,
        name: str,
        *,
        spec: Mapping[str, object],
        labels: Mapping[str, str],
        target: Mapping[str, str] | None,
    ) -> Conversation[Item]:
        """Make an item; every try carries the same `Idempotency-Key`."""
        body: dict[str, object] = {"name": name, "spec": dict(spec), "labels": dict(labels)}
        if target is not None:
            body["target"] = dict(target)
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self.sender.call("POST", _items(service, kind), Item.of, body=body, headers=headers)

    def change_item(
        self,
        service: str,
        kind: str,
        name: str,
        *,
        spec: Mapping[str, object] | None,
        labels: Mapping[str, str] | None,
        target: Mapping[str, str] | None,
        if_match: int | None,
    ) -> Conversation[Item]:
        """Replace an item's spec, its labels, or its target, each as a whole."""
        given = {"spec": spec, "labels": labels, "target": target}
        body = {name: dict(value) for name, value in given.items() if value is not None}
        address = f"{_items(service, kind)}/{part(name)}"
        return self.sender.call("POST", address, Item.of, body=body, headers=_precondition(if_match))

    def delete_item(self, service: str, kind: str, name: str, *, if_match: int | None) -> Conversation[None]:
        """Delete an item."""
        address = f"{_items(service, kind)}/{part(name)}"
        return self.sender.call("DELETE", address, lambda _: None, headers=_precondition(if_match))

    def revocations(self, since: int | None, region: str) -> Conversation[Revocations]:
        """Read the revocation feed once."""
        query = {"region": region} if region else {}
        query |= {} if since is None else {"since": str(since)}
        return self.sender.get(f"/api/revocations?{urlencode(query)}", Revocations.of)

    def check(self, action: str, principal: str) -> Conversation[Decision]:
        """Ask whether an action is allowed, to the caller or to another principal."""
        body = {"action": action} | ({"principal": principal} if principal else {})
        return self.sender.call("POST", "/api/access/check", Decision.of, body=body)


def _items(service: str, kind: str) -> str:
    return f"/api/services/{part(service)}/{part(kind)}"


def _precondition(if_match: int | None) -> dict[str, str]:
    return {} if if_match is None else {"If-Match": f'"{if_match}"'}
