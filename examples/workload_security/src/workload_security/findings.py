"""Findings, the service's own data: what agents saw change; they are in their region, and each is one account's."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Row
from typing import Annotated, Literal

from msgspec import Meta, Struct, to_builtins

from workload_security.agents import Agent
from workload_security.database import Database
from workload_security.problem import not_found

LARGEST_PAGE = 100


class FileState(Struct, frozen=True):
    """A file as an agent saw it."""

    sha256: Annotated[str, Meta(max_length=64)]
    size: int
    mode: Annotated[str, Meta(max_length=16)]
    modified: float


class Found(Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent tells."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    """Of the agent's own making: one that comes again is passed over."""
    path: Annotated[str, Meta(max_length=4096)]
    change: Literal["created", "changed", "deleted"]
    at: Annotated[str, Meta(max_length=40)]
    before: FileState | None = None
    after: FileState | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of an account's findings, newest first."""

    findings: Sequence[dict[str, object]]
    next: str
    """What to give as `after` for the next piece; empty on the last one."""


def keep(database: Database, agent: Agent, found: Sequence[Found]) -> None:
    """Keep what an agent found."""
    with database.transaction():
        for each in found:
            content = to_builtins(each)
            del content["id"]
            database.write(
                "INSERT INTO findings (id, account, agent, agents_id, computer, content, acknowledged_by)"
                " VALUES (?, ?, ?, ?, ?, ?, '') ON CONFLICT (agent, agents_id) DO NOTHING",
                f"fnd_{secrets.token_hex(12)}", agent.account, agent.id, each.id, agent.computer, json.dumps(content),
            )  # fmt: skip


def list_page(database: Database, account: str, *, limit: int, after: str) -> Page:
    """List findings of an account, newest first, after the one with the id `after`; empty: from the newest."""
    rows = database.rows(
        "SELECT id, computer, content, acknowledged_by FROM findings WHERE account = ?"
        " AND (? = '' OR seq < (SELECT seq FROM findings WHERE account = ? AND id = ?)) ORDER BY seq DESC LIMIT ?",
        account, after, account, after, limit + 1,
    )  # fmt: skip
    shown = rows[:limit]
    return Page([_shape(row) for row in shown], shown[-1]["id"] if len(rows) > limit else "")


def acknowledge(database: Database, account: str, finding: str, principal_urn: str) -> dict[str, object]:
    """Note who has taken notice of a finding; the first one stays."""
    database.write(
        "UPDATE findings SET acknowledged_by = ? WHERE account = ? AND id = ? AND acknowledged_by = ''",
        principal_urn, account, finding,
    )  # fmt: skip
    row = database.row(
        "SELECT id, computer, content, acknowledged_by FROM findings WHERE account = ? AND id = ?",
        account,
        finding,
    )
    if row is None:
        raise not_found("finding")
    return _shape(row)


def _shape(row: Row) -> dict[str, object]:
    told = {"id": row["id"], "computer": row["computer"], "acknowledgedBy": row["acknowledged_by"]}
    return told | json.loads(row["content"])
