"""What a region's own PostgreSQL role may do in the database of identity and directory: GRANTs and row-level security."""

from domicile.kernel.ids import REGION_PATTERN, RegionId

_IN_FORCE = "('enabled', 'disabled')"
_CARD_COLUMNS = (
    "user_id, email, email_key, name, locale, time_zone, state, epoch, version, created_at, modified_at, "
    "mfa_enabled"
)

_READS = {
    "directory_accounts": "*",
    "directory_memberships": "*",
    "directory_feed": "*",
    "directory_feed_heads": "*",
    "directory_receipts": "*",
    "directory_leavers": "*",
    "directory_departures": "*",
    "users": _CARD_COLUMNS,
}
_INSERTS = (
    "directory_accounts",
    "directory_memberships",
    "directory_feed",
    "directory_feed_heads",
    "directory_receipts",
)
_DELETES = ("directory_feed", "directory_memberships")
_UPDATES = {
    "directory_accounts": "state, alias, purge_after, version, creator_id, request_key, request_digest",
    "directory_memberships": "state, role_id, version",
    "directory_feed_heads": "seq",
    "directory_departures": "state, blocking",
}
"""No region is among the columns: the engine itself refuses to move an account."""


def grant_statements(region: RegionId, role: str) -> tuple[str, ...]:
    """Write the SQL that gives a role the rights of one region, and takes every other from it; may be run again.

    The region reads the map, its own feed, and the people who are members there; it writes rows of its own only. Credentials and
    sessions are out of its reach. The role must be there, and must be neither the owner of the tables nor a superuser: those pass by
    every policy. ValueError for a region or a role that cannot be one.
    """
    if not REGION_PATTERN.fullmatch(region) or not role or "\0" in role:
        raise ValueError("a region id and the name of a role are needed")
    name, own = _quoted(role), f"region_id = '{region}'"
    return (
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {name}",
        f"GRANT USAGE ON SCHEMA public TO {name}",
        *(_grant("SELECT", table, columns, name) for table, columns in _READS.items()),
        *(f"GRANT INSERT ON {table} TO {name}" for table in _INSERTS),
        *(_grant("UPDATE", table, columns, name) for table, columns in _UPDATES.items()),
        *(f"GRANT DELETE ON {table} TO {name}" for table in _DELETES),
        *(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY" for table in _READS),
        *_policies(role, own, region),
    )


def _policies(role: str, own: str, region: RegionId) -> tuple[str, ...]:
    members = (
        "EXISTS (SELECT 1 FROM directory_memberships AS place WHERE place.user_id = users.user_id "  # noqa: S608  # an id of strict shape
        f"AND place.region_id = '{region}' AND place.state IN {_IN_FORCE})"
    )
    read = {
        "directory_accounts": "true",  # people see their accounts of all regions at any of them
        "directory_memberships": "true",
        "directory_feed": own,
        "directory_feed_heads": own,
        "directory_receipts": own,
        "directory_leavers": "true",  # ids alone; a region must not take anybody in who is leaving
        "directory_departures": own,
        "users": members,
    }
    rules = [(table, "read", f"FOR SELECT TO {{}} USING ({rows})") for table, rows in read.items()]
    rules += [(table, "add", f"FOR INSERT TO {{}} WITH CHECK ({own})") for table in _INSERTS]
    rules += [(table, "change", f"FOR UPDATE TO {{}} USING ({own}) WITH CHECK ({own})") for table in _UPDATES]
    rules += [(table, "forget", f"FOR DELETE TO {{}} USING ({own})") for table in _DELETES]
    return tuple(statement for rule in rules for statement in _policy(role, *rule))


def _policy(role: str, table: str, act: str, rule: str) -> tuple[str, str]:
    policy = _quoted(f"{role} may {act}")
    return (
        f"DROP POLICY IF EXISTS {policy} ON {table}",
        f"CREATE POLICY {policy} ON {table} {rule.format(_quoted(role))}",
    )


def _grant(right: str, table: str, columns: str, name: str) -> str:
    return f"GRANT {right}{'' if columns == '*' else f' ({columns})'} ON {table} TO {name}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
