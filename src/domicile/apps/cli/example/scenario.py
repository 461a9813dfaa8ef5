"""The worked example from the first sign-up to the last cell, through the public API alone."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager

import httpx2

from domicile.apps.cli.api import new_client, text_of
from domicile.apps.cli.example.cells import Account, check_cell
from domicile.apps.cli.example.kept import keep_something
from domicile.apps.cli.example.people import Mailbox, OpenClient, User, sign_up
from domicile.apps.cli.example.report import Access, Cell, Place, Report
from domicile.apps.cli.exits import CommandError
from domicile.apps.cli.mail_folder import MailFolder
from domicile.apps.cli.options import DEFAULT_URL

USERS = ("User 1", "User 2", "User 3")
ACCOUNTS = ("Account A", "Account B", "Account C")
REGIONS = {"Account A": "us-1", "Account B": "de-1", "Account C": "jp-1"}
TABLE = {
    "User 1": (Access.FULL, Access.FULL, Access.READ),
    "User 2": (Access.READ, Access.READ, Access.NONE),
    "User 3": (Access.NONE, Access.NONE, Access.FULL),
}
_OWNERS = {"Account A": "User 1", "Account B": "User 1", "Account C": "User 3"}


def run_example(
    mails: MailFolder, *, base_url: str = DEFAULT_URL, open_client: OpenClient = new_client
) -> Report:
    """Build the worked example at a running server and check every cell of its table; nothing is deleted.

    The mails of the server are read from `mails`. Every run signs up people of its own, so it can be repeated.
    """
    with ExitStack() as opened:

        def open_here(url: str) -> httpx2.Client:
            return opened.enter_context(open_client(url))

        mailbox = Mailbox.open(mails)
        users: dict[str, User] = {}
        for name in USERS:
            with _step(f"{name} signs up"):
                users[name] = sign_up(name, base_url, mailbox, open_here)
        accounts = {name: _create_account(name, users[_OWNERS[name]]) for name in ACCOUNTS}
        _invite_everyone(users, accounts, mailbox)
        return _check_table(users, accounts)


@contextmanager
def _step(name: str) -> Generator[None]:
    try:
        yield
    except CommandError as error:
        raise CommandError(error.code, f"{name}: {error.message}", error.details) from None


def _create_account(name: str, owner: User) -> Account:
    with _step(f"{owner.name} creates {name}"):
        created = owner.api.call("POST", "/accounts", body={"alias": name, "region": REGIONS[name]}).body()
        account_id = text_of(created, "id")
    with _step(f"{name} keeps something in the services of the platform"):
        services = keep_something(owner.enter(account_id), account_id)
    return Account(name, account_id, REGIONS[name], owner, services)


def _invite_everyone(users: dict[str, User], accounts: dict[str, Account], mailbox: Mailbox) -> None:
    for name, row in TABLE.items():
        for account, access in zip(accounts.values(), row, strict=True):
            if access is Access.READ:
                _invite(users[name], account, mailbox)


def _invite(user: User, account: Account, mailbox: Mailbox) -> None:
    with _step(f"{account.owner.name} invites {user.name} to {account.name}"):
        owner = account.owner.enter(account.id)
        owner.call("POST", "/invitations", body={"email": user.email, "roleID": "read-only"})
        token = mailbox.take_token(user.email, "join")
    with _step(f"{user.name} accepts the invitation to {account.name}"):
        user.api.call("POST", "/invitations/accept", body={"token": token})


def _check_table(users: dict[str, User], accounts: dict[str, Account]) -> Report:
    cells: list[Cell] = []
    for name, row in TABLE.items():
        user = users[name]
        expected = list(zip(accounts.values(), row, strict=True))
        home = next(account for account, access in expected if access is not Access.NONE)
        with _step(f"{name} enters {home.name}"):
            elsewhere = user.enter(home.id)
        for account, access in expected:
            with _step(f"{name} in {account.name}"):
                cells.append(check_cell(user, account, access, elsewhere))
    return Report(
        users=tuple((user.name, user.email) for user in users.values()),
        places=tuple(_place(account) for account in accounts.values()),
        cells=tuple(cells),
    )


def _place(account: Account) -> Place:
    residency = account.owner.enter(account.id).call("GET", f"/accounts/{account.id}/residency").body()
    rows = residency.get("rows")
    return Place(
        name=account.name,
        account_id=account.id,
        expected_region=account.region,
        region=text_of(residency, "region"),
        database=text_of(residency, "database"),
        rows=rows if isinstance(rows, int) else 0,
    )
