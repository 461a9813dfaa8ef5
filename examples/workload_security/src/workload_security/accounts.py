"""What the service is told of accounts, and their end: everything of a purged one is deleted, counted again, and receipted."""

import json

from domicile_sdk.lifecycle import Happening, LifecycleEvent
from workload_security.database import Database

_STATES = {
    Happening.ACCOUNT_CREATED: "active",
    Happening.ACCOUNT_SUSPENDED: "suspended",
    Happening.ACCOUNT_RESTORED: "active",
}
_DELETIONS = {
    "findings": "DELETE FROM findings WHERE account = ?",
    "agents": "DELETE FROM agents WHERE account = ?",
    "activation tokens": "DELETE FROM activation_tokens WHERE account = ?",
    "computers": "DELETE FROM computers WHERE account = ?",
    "policies": "DELETE FROM policies WHERE account = ?",
}
_REMAINING = (
    "SELECT (SELECT count(*) FROM findings WHERE account = ?1) + (SELECT count(*) FROM agents WHERE account = ?1)"
    " + (SELECT count(*) FROM activation_tokens WHERE account = ?1)"
    " + (SELECT count(*) FROM computers WHERE account = ?1) + (SELECT count(*) FROM policies WHERE account = ?1)"
)


def note_state(database: Database, event: LifecycleEvent) -> None:
    """Note whether an account is active or suspended; an event that is late, or comes again, changes nothing."""
    if event.happening in _STATES:
        database.write(
            "INSERT INTO accounts (account, state, seq, deleted) VALUES (?, ?, ?, '')"
            " ON CONFLICT (account) DO UPDATE SET state = excluded.state, seq = excluded.seq"
            " WHERE excluded.seq > accounts.seq AND accounts.state <> 'purged'",
            event.account, _STATES[event.happening], event.seq,
        )  # fmt: skip


def purge(database: Database, account: str) -> dict[str, int]:
    """Delete everything of an account, and count again; gives how many of what, the same if it was done before.

    What stays is the account's number and that it was purged, so that nothing that comes late is kept.
    """
    with database.transaction():
        row = database.row("SELECT deleted FROM accounts WHERE account = ? AND state = 'purged'", account)
        if row is not None:
            return json.loads(row["deleted"])
        deleted = {name: database.write(statement, account) for name, statement in _DELETIONS.items()}
        (remaining,) = database.rows(_REMAINING, account)[0]
        if remaining:
            raise RuntimeError(f"{remaining} rows of a purged account remain")
        database.write(
            "INSERT OR REPLACE INTO accounts (account, state, seq, deleted) VALUES (?, 'purged', 0, ?)",
            account, json.dumps(deleted),
        )  # fmt: skip
    database.forget()
    return deleted
