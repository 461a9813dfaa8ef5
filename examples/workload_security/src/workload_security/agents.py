"""Agents: how they come to be, who is calling, when they were last seen, and what of them is to be told to Domicile."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from domicile_sdk.serving import Report
from workload_security.database import Database
from workload_security.problem import ServiceProblem

TOKEN_SECONDS = 600
_TELL_AFTER_SECONDS = 60
"""That an agent is still there is told so often at most; a change, at once."""
_MOST_REPORTS = 100


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent that is calling."""

    id: str
    account: str
    computer: str


def make_activation_token(database: Database, account: str, now: float) -> str:
    """Make a token with which one agent of an account enrols, within ten minutes; only its hash is kept."""
    token = f"wlt_{secrets.token_urlsafe(24)}"
    database.write("DELETE FROM activation_tokens WHERE expires < ?", now)
    database.write(
        "INSERT INTO activation_tokens (hash, account, expires) VALUES (?, ?, ?)",
        _hash(token), account, now + TOKEN_SECONDS,
    )  # fmt: skip
    return token


def enrol(database: Database, token: str, computer: str, platform: str, now: float) -> str:
    """Make the agent of a computer, in place of one that it had, and use the token up; gives the agent's credential."""
    with database.transaction():
        found = database.row(
            "SELECT account FROM activation_tokens WHERE hash = ? AND used_at IS NULL AND expires > ?",
            _hash(token),
            now,
        )
        if found is None:
            raise ServiceProblem(401, "token-refused", "This activation token is not, or no longer, good.")
        account = found["account"]
        check_active(database, account)
        if not database.row("SELECT 1 FROM computers WHERE account = ? AND name = ?", account, computer):
            detail = (
                "The account keeps no computer of this name: make it first, with the policy that it follows."
            )
            raise ServiceProblem(409, "computer-unknown", detail)
        used = database.write(
            "UPDATE activation_tokens SET used_at = ? WHERE hash = ? AND used_at IS NULL", now, _hash(token)
        )
        if used != 1:
            raise ServiceProblem(401, "token-refused", "This activation token is not, or no longer, good.")
        credential = f"wla_{secrets.token_urlsafe(32)}"
        database.write(
            "INSERT INTO agents (id, account, computer, credential_hash, platform, last_seen, applied, told_at)"
            " VALUES (?, ?, ?, ?, ?, ?, 0, 0) ON CONFLICT (account, computer) DO UPDATE SET"
            " credential_hash = excluded.credential_hash, platform = excluded.platform, applied = 0, told_at = 0,"
            " last_seen = excluded.last_seen",
            secrets.token_hex(16), account, computer, _hash(credential), platform, now,
        )  # fmt: skip
    return credential


def recognise(database: Database, authorization: str) -> Agent:
    """Tell which agent is calling; refuses with 401, and with 403 while its account is suspended."""
    scheme, _, credential = authorization.partition(" ")
    row = database.row(
        "SELECT id, account, computer FROM agents WHERE credential_hash = ?", _hash(credential)
    )
    if scheme != "Bearer" or row is None:
        raise ServiceProblem(
            401, "credential-refused", "This is not the credential of an agent: enrol it again."
        )
    check_active(database, row["account"])
    return Agent(row["id"], row["account"], row["computer"])


def check_active(database: Database, account: str) -> None:
    """Refuse with 403 while an account is suspended."""
    row = database.row("SELECT state FROM accounts WHERE account = ?", account)
    if row and row["state"] != "active":
        raise ServiceProblem(
            403, "account-suspended", "The account is suspended: stop, and ask again now and then."
        )


def note_seen(database: Database, agent: Agent, now: float, *, applied: int | None) -> None:
    """Note that an agent was there, and which version of its policy it has applied, if it said so."""
    database.write(
        "UPDATE agents SET last_seen = ?, told_at = CASE WHEN applied = coalesce(?, applied) THEN told_at ELSE 0 END,"
        " applied = coalesce(?, applied) WHERE id = ?",
        now, applied, applied, agent.id,
    )  # fmt: skip


def untold(database: Database) -> list[Report]:
    """List what Domicile is to be told of computers."""
    rows = database.rows(
        "SELECT account, name, version, platform, last_seen, applied FROM agents JOIN computers USING (account)"
        " WHERE computers.name = agents.computer AND last_seen - told_at > ? LIMIT ?",
        _TELL_AFTER_SECONDS, _MOST_REPORTS,
    )  # fmt: skip
    return [
        Report(
            account=row["account"],
            kind="computer",
            name=row["name"],
            version=row["version"],
            value={
                "state": "enrolled",
                "platform": row["platform"],
                "lastSeen": datetime.fromtimestamp(int(row["last_seen"]), UTC)
                .isoformat()
                .replace("+00:00", "Z"),
                "policyVersion": row["applied"],
            },
        )
        for row in rows
    ]


def note_told(database: Database, report: Report) -> None:
    """Note that a report was taken, unless there is something newer to tell by now."""
    database.write(
        "UPDATE agents SET told_at = last_seen WHERE account = ? AND computer = ? AND applied = ?"
        " AND ? = (SELECT version FROM computers WHERE account = agents.account AND name = agents.computer)",
        report.account, report.name, report.value["policyVersion"], report.version,
    )  # fmt: skip


def _hash(secret: str) -> bytes:
    """Hash a secret of 192 bits or more, which needs neither salt nor time."""
    return hashlib.sha256(secret.encode()).digest()
