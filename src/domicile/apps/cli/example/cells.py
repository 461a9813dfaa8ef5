"""The questions of one cell: what a user sees, reads and changes, and that "no access" looks like "does not exist"."""

import secrets
import time
from dataclasses import dataclass

import msgspec

from domicile.apps.cli.api import Answer, Api, items_of, text_of
from domicile.apps.cli.example.kept import check_kept
from domicile.apps.cli.example.people import User
from domicile.apps.cli.example.report import Access, Cell, Finding
from domicile.apps.cli.options import EVERYTHING

_SEES = "sees it in the account list"
_ENTERS = "enters"
_READS = "reads"
_CHANGES = "changes the alias"

_RIGHT = {
    Access.FULL: {_SEES: "yes", _ENTERS: "201", _READS: "200", _CHANGES: "200"},
    Access.READ: {_SEES: "yes", _ENTERS: "201", _READS: "200", _CHANGES: "403"},
    Access.NONE: {_SEES: "no", _ENTERS: "404", _READS: "404", _CHANGES: "404"},
}
_ROLES = {Access.FULL: "full-access", Access.READ: "read-only", Access.NONE: "none"}
_LIST_PATIENCE_SECONDS = 10.0
_POLL_SECONDS = 0.1

# Headers that differ between any two answers, whatever they say.
_PASSING_HEADERS = frozenset({"date", "x-request-id"})


@dataclass(frozen=True)
class Account:
    """An account of the example, with someone who has full access there."""

    name: str
    id: str
    region: str
    owner: User
    services: tuple[str, ...] = ()
    """Of the example services those in which it keeps something."""


def check_cell(user: User, account: Account, expected: Access, elsewhere: Api) -> Cell:
    """Ask everything about one user in one account; `elsewhere` is another account that the user is in.

    What is asked follows from what is answered, so that a user who gets in where they should not is seen inside.
    """
    entering = user.api.send("POST", f"/accounts/{account.id}/token")
    seen = {_SEES: _sees(user, account, expected), _ENTERS: str(entering.status)}
    findings: list[Finding] = []
    if entering.status == 201:
        inside = user.inside(entering)
        seen |= {_READS: str(inside.send("GET", "/users").status), **_changes(inside, account)}
        findings += _told(inside, user, expected)
        findings += check_kept(inside, account.id, account.services, expected)
    else:
        findings += check_kept(elsewhere, account.id, account.services, expected)
        seen |= {
            _READS: str(user.api.send("GET", f"/accounts/{account.id}").status),
            **_changes(user.api, account),
        }
    findings[:0] = [
        Finding(question, _RIGHT[expected][question], answer) for question, answer in seen.items()
    ]
    if expected is Access.NONE:
        findings += [*_beside_nothing(user, account, elsewhere), _owner_is_told(user, account)]
    return Cell(user.name, account.name, expected, _judge(seen), tuple(findings))


def _sees(user: User, account: Account, expected: Access) -> str:
    # The list is fed by the courier: what was granted a moment ago may take a moment to show.
    deadline = time.monotonic() + _LIST_PATIENCE_SECONDS
    while True:
        listed = items_of(user.api.collect("/accounts", "accounts", EVERYTHING), "accounts")
        seen = "yes" if account.id in [text_of(item, "id") for item in listed] else "no"
        if seen == _RIGHT[expected][_SEES] or time.monotonic() > deadline:
            return seen
        time.sleep(_POLL_SECONDS)


def _changes(api: Api, account: Account) -> dict[str, str]:
    owner = account.owner.enter(account.id)
    alias = _alias(owner, account)
    attempt = api.send("POST", f"/accounts/{account.id}", body={"alias": f"{alias} (changed)"})
    kept = _alias(owner, account)
    if kept != alias:
        owner.call("POST", f"/accounts/{account.id}", body={"alias": alias})
    status = str(attempt.status)
    # What counts is what became of the account, not what was said about it.
    return {
        _CHANGES: status if (kept != alias) == (status == "200") else f"{status}, but the alias is {kept!r}"
    }


def _told(inside: Api, user: User, expected: Access) -> list[Finding]:
    users = items_of(inside.collect("/users", "users", EVERYTHING), "users")
    roles = [text_of(item, "roleID") for item in users if text_of(item, "id") == user.id]
    may_change = "yes" if expected is Access.FULL else "no"
    return [
        Finding("is told: their role", _ROLES[expected], roles[0] if roles else "none"),
        Finding("is told: may read the users", "yes", _may(inside, "identity:user:read")),
        Finding("is told: may change the account", may_change, _may(inside, "identity:account:update")),
    ]


def _owner_is_told(user: User, account: Account) -> Finding:
    # Who is outside cannot ask inside; one with full access may ask about anybody.
    owner = account.owner.enter(account.id)
    question = "the owner is told: they may read the users"
    return Finding(question, "no", _may(owner, "identity:user:read", principal=f"user/{user.id}"))


def _alias(api: Api, account: Account) -> str:
    return text_of(api.call("GET", f"/accounts/{account.id}").body(), "alias")


def _may(api: Api, action: str, **about: str) -> str:
    decision = api.call("POST", "/access/check", body={"action": action, **about}).body()
    return "yes" if decision.get("allowed") is True else "no"


@dataclass(frozen=True)
class _Door:
    """One way to an account that must be shut."""

    question: str
    method: str
    path: str
    body: dict[str, object] | None = None


_DOORS = (
    _Door(_ENTERS, "POST", "/accounts/{}/token"),
    _Door(_READS, "GET", "/accounts/{}"),
    _Door(_CHANGES, "POST", "/accounts/{}", {"alias": "Taken over"}),
)
_DOOR_ELSEWHERE = _Door("reads, with another account's token", "GET", "/accounts/{}")


def _beside_nothing(user: User, account: Account, elsewhere: Api) -> list[Finding]:
    nothing = _unknown_id(account.id)
    return [
        *(_compare(door, user.api, account.id, nothing) for door in _DOORS),
        _compare(_DOOR_ELSEWHERE, elsewhere, account.id, nothing),
    ]


def _compare(door: _Door, api: Api, real: str, nothing: str) -> Finding:
    # One request id for both, because it is echoed in the answer.
    headers = {"X-Request-Id": secrets.token_hex(16)}
    refused, absent = (
        api.send(door.method, door.path.format(account), body=door.body, headers=headers)
        for account in (real, nothing)
    )
    alike = refused.status == 404 and _comparable(refused) == _comparable(absent)
    question = f"{door.question}: is the answer that of an account that does not exist?"
    return Finding(question, "yes", "yes" if alike else "no")


def _comparable(answer: Answer) -> tuple[int, bytes, list[tuple[str, str]]]:
    instance = msgspec.json.encode(answer.body().get("instance"))
    headers = [(name.lower(), value) for name, value in answer.headers.items()]
    return (
        answer.status,
        answer.content.replace(instance, b"null"),
        sorted(header for header in headers if header[0] not in _PASSING_HEADERS),
    )


def _unknown_id(known: str) -> str:
    while (drawn := f"{secrets.randbelow(10**12):012}") == known:
        continue
    return drawn


def _judge(seen: dict[str, str]) -> Access:
    meanings = {
        ("yes", "200", "200"): Access.FULL,
        ("yes", "200", "403"): Access.READ,
        ("no", "404", "404"): Access.NONE,
    }
    return meanings.get((seen[_SEES], seen[_READS], seen[_CHANGES]), Access.MIXED)
