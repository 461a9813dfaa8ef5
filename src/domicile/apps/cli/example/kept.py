"""What each account of the example keeps in the services of the platform, and who reads and changes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domicile.apps.cli.api import Api, items_of, text_of
from domicile.apps.cli.example.report import Access, Finding


@dataclass(frozen=True)
class _Kept:
    """Something that an account can keep in one of the example services."""

    plural: str
    spec: Mapping[str, object]


_KEPT: Final = {
    "workload": _Kept("policies", {"paths": ["/etc/passwd"], "everySeconds": 60}),
    "delivery": _Kept("applications", {"image": "registry.example.com/shop:1"}),
}
_READS: Final = {Access.FULL: "200", Access.READ: "200", Access.NONE: "404"}
_CHANGES: Final = {Access.FULL: "yes", Access.READ: "no", Access.NONE: "no"}


def keep_something(api: Api, account_id: str) -> tuple[str, ...]:
    """Keep something in every example service that the server has registered; gives the names of those services."""
    there = [
        text_of(service, "name") for service in items_of(api.call("GET", "/services").body(), "services")
    ]
    services = tuple(name for name in _KEPT if name in there)
    for name in services:
        kept = _KEPT[name]
        body = {"name": _name_of(account_id), "spec": dict(kept.spec)}
        api.call("POST", f"/services/{name}/{kept.plural}", body=body)
    return services


def check_kept(api: Api, account_id: str, services: tuple[str, ...], expected: Access) -> list[Finding]:
    """Ask for what an account keeps, and try to change it, from inside it; or, for who is not in it, from another account."""
    findings: list[Finding] = []
    for name in services:
        path = f"/services/{name}/{_KEPT[name].plural}/{_name_of(account_id)}"
        read = api.send("GET", path).status
        tried = api.send("POST", path, params={"dryRun": "true"}, body={"labels": {"tried": "yes"}}).status
        findings += [
            Finding(f"reads what it keeps in {name}", _READS[expected], str(read)),
            Finding(f"changes what it keeps in {name}", _CHANGES[expected], _meaning(tried)),
        ]
    return findings


def _meaning(tried: int) -> str:
    """Say whether a change was let in; from outside it is refused by the role at home, or because nothing there is called so."""
    return {200: "yes", 403: "no", 404: "no"}.get(tried, str(tried))


def _name_of(account_id: str) -> str:
    return f"of-{account_id}"
