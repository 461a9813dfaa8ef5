"""The service's copy of what accounts keep in it: policies and computers, and how far the watch has come."""

import json
from collections.abc import Mapping

from domicile_sdk.serving import Changes, Listing
from workload_security.database import Database

_EVERY_SECONDS = 60


def position(database: Database) -> int | None:
    """Read from where the watch goes on; None: from the beginning."""
    row = database.row("SELECT seq FROM position")
    return row["seq"] if row else None


def take_in(database: Database, news: Listing | Changes) -> None:
    """Take a piece of what accounts keep in, with its number, so that after a restart none is missed."""
    with database.transaction():
        if isinstance(news, Listing):
            database.write("DELETE FROM policies")
            database.write("DELETE FROM computers")
            for kept in news.items:
                _put(
                    database, kept.account, kept.kind, kept.item.name, kept.item.version, spec=kept.item.spec
                )
        else:
            for change in news.changes:
                spec = None if change.is_deletion else change.spec
                _put(database, change.account, change.kind, change.name, change.version, spec=spec)
        database.write("INSERT OR REPLACE INTO position (only, seq) VALUES (1, ?)", news.seq)


def policy_of(database: Database, account: str, computer: str) -> dict[str, object] | None:
    """Read what the agent of a computer is to watch: nothing, if the computer names no policy; None, if there is no computer."""
    found = database.row("SELECT policy FROM computers WHERE account = ? AND name = ?", account, computer)
    if found is None:
        return None
    row = database.row(
        "SELECT name, version, spec FROM policies WHERE account = ? AND name = ?", account, found["policy"]
    )
    if row is None:
        return {"name": "", "version": 0, "paths": [], "everySeconds": _EVERY_SECONDS}
    return {"name": row["name"], "version": row["version"], "everySeconds": _EVERY_SECONDS} | json.loads(
        row["spec"]
    )


def _put(
    database: Database, account: str, kind: str, name: str, version: int, *, spec: Mapping[str, object] | None
) -> None:
    """Keep an item, or delete it if there is no `spec`; items of other kinds, and of purged accounts, are passed over."""
    if database.row("SELECT 1 FROM accounts WHERE account = ? AND state = 'purged'", account):
        return
    if kind == "policy":
        database.write("DELETE FROM policies WHERE account = ? AND name = ?", account, name)
        if spec is not None:
            row = (account, name, version, json.dumps(spec))
            database.write("INSERT INTO policies (account, name, version, spec) VALUES (?, ?, ?, ?)", *row)
    elif kind == "computer":
        database.write("DELETE FROM computers WHERE account = ? AND name = ?", account, name)
        if spec is not None:
            row = (account, name, version, spec.get("policy", ""))
            database.write("INSERT INTO computers (account, name, version, policy) VALUES (?, ?, ?, ?)", *row)
            database.write("UPDATE agents SET told_at = 0 WHERE account = ? AND computer = ?", account, name)
