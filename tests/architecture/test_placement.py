"""Every table has one plane, and what leaves it is on the one list: read from the tables, and found in real files."""

import ast
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import MetaData, Table
from structlog.testing import capture_logs

from domicile.apps.tables import GLOBAL_METADATA, REGION_METADATA
from domicile.infra.planes import DIRECTORY, IDENTITY, REGION
from domicile.kernel.placement import CROSSINGS, DIRECTORY_OWN, Place, Plane
from tests.architecture.sources import Source, all_sources
from tests.support.api import LiveServer, serving
from tests.support.people import FrozenClock
from tests.support.world import World

PLANES: dict[Plane, MetaData] = {
    Plane.IDENTITY: IDENTITY,
    Plane.DIRECTORY: DIRECTORY,
    Plane.REGION: REGION,
}
MACHINERY_OF_EVERY_PLANE = {"outbox"}
"""Tables that are there in more than one plane, each plane its own."""
IDS_IN_NODE_TABLES = {
    ("access_log", "account_id"),
    ("access_log", "subject_id"),
    ("parked_feed", "subject_id"),
    ("purges", "account_id"),
    ("deletion_receipts", "account_id"),
    ("leavers", "user_id"),
    ("service_events", "account_id"),
    ("service_events", "subject_id"),
    ("service_purges", "account_id"),
}
"""All that the tables of a region's machinery know of accounts and people."""
MACHINERY_COLUMNS = {
    "access_log": {"seq", "kind", "at", "revokes"},
    "access_log_head": {"name", "seq"},
    "feed_cursor": {"name", "seq", "attempts"},
    "item_log_heads": {"service", "seq"},
    "leavers": {"state", "version", "at"},
    "parked_feed": {"seq", "kind", "version", "parked_at", "last_error"},
    "purges": {
        *("receipt_id", "suspended_at", "begun_at", "stage"),
        *("expected", "deleted", "account_version", "version"),
    },
    "deletion_receipts": {"receipt_id", "at", "signed"},
    "service_events": {
        *("service", "seq", "id", "happening", "at", "state", "attempts", "due_at", "last_error"),
    },
    "service_purges": {"receipt_id", "service", "asked_at", "acknowledged_at", "signed"},
    "signing_keys": {
        *("kid", "state", "sealed_private_key", "public_key"),
        *("created_at", "signs_from", "signed_until", "withdrawn_at"),
    },
}
"""The other columns of those tables: numbers, names of kinds, moments, keys; of what was deleted, how many rows of which table."""


def columns_of(plane: Plane) -> set[Place]:
    return {
        Place(plane, table.name, column.name)
        for table in PLANES[plane].tables.values()
        for column in table.columns
    }


def is_node_table(table: Table) -> bool:
    return bool(table.info.get("node"))


REGIONAL = [table for table in REGION.tables.values() if not is_node_table(table)]
NODE = [table for table in REGION.tables.values() if is_node_table(table)]


def test_every_plane_is_named_and_every_database_holds_its_own():
    assert {plane.value: metadata.info["plane"] for plane, metadata in PLANES.items()} == {
        plane: plane for plane in ("identity", "directory", "region")
    }
    assert GLOBAL_METADATA == [IDENTITY, DIRECTORY]
    assert REGION_METADATA is REGION
    assert all(metadata.tables for metadata in PLANES.values())


def test_no_table_is_in_two_planes_but_the_machinery_that_each_has_for_itself():
    times = Counter(name for metadata in PLANES.values() for name in metadata.tables)

    assert {name for name, count in times.items() if count > 1} == MACHINERY_OF_EVERY_PLANE


@pytest.mark.parametrize("plane", PLANES, ids=str)
def test_no_foreign_key_crosses(plane: Plane):
    metadata = PLANES[plane]

    for table in metadata.tables.values():
        for key in table.foreign_keys:
            assert key.column.table.metadata is metadata, f"{table.name} refers to {key.target_fullname}"


@pytest.mark.parametrize("table", REGIONAL, ids=lambda table: table.name)
def test_the_key_of_a_regional_table_begins_with_the_account(table: Table):
    assert next(iter(table.primary_key.columns)).name == "account_id"


@pytest.mark.parametrize("table", NODE, ids=lambda table: table.name)
def test_a_table_of_the_machinery_holds_no_more_of_an_account_than_listed_ids(table: Table):
    known = {column.name for column in table.columns} - MACHINERY_COLUMNS[table.name]

    assert {(table.name, name) for name in known} == {
        (name, column) for name, column in IDS_IN_NODE_TABLES if name == table.name
    }


def test_no_table_of_a_region_has_a_column_for_the_region():
    assert not [place for place in columns_of(Plane.REGION) if "region" in place.column]


def test_every_crossing_is_from_a_column_that_is_there_to_one_that_is_there():
    real = {place for plane in PLANES for place in columns_of(plane)}
    for crossing in CROSSINGS:
        assert crossing.source in real, crossing.source
        assert crossing.destination in real or crossing.destination.plane is Plane.MAIL, crossing.destination
        assert crossing.source.plane != crossing.destination.plane
        assert crossing.why.endswith(".")


def test_no_crossing_is_listed_twice():
    pairs = Counter((crossing.source, crossing.destination) for crossing in CROSSINGS)

    assert not [pair for pair, count in pairs.items() if count > 1]


def test_every_column_of_the_directory_is_a_listed_copy_or_its_own_and_never_both():
    copies = {crossing.destination for crossing in CROSSINGS if crossing.destination.plane is Plane.DIRECTORY}
    own = {column.place for column in DIRECTORY_OWN}

    assert copies | own == columns_of(Plane.DIRECTORY)
    assert not copies & own


def test_every_column_of_a_member_card_but_the_account_is_a_listed_copy_of_identity():
    listed = {
        crossing.destination
        for crossing in CROSSINGS
        if crossing.source.plane is Plane.IDENTITY and crossing.destination.table == "member_cards"
    }

    cards = {place for place in columns_of(Plane.REGION) if place.table == "member_cards"}
    assert listed == cards - {Place(Plane.REGION, "member_cards", "account_id")}


def test_nothing_crosses_from_a_region_into_identity():
    assert not [crossing for crossing in CROSSINGS if crossing.destination.plane is Plane.IDENTITY]


def test_no_credential_crosses():
    secret = {"passwords", "sessions", "sign_ups", "password_resets", "signing_keys", "identity_signing_keys"}
    words = ("hash", "secret", "sealed", "token", "password")

    for crossing in CROSSINGS:
        assert crossing.source.table not in secret
        assert not any(word in crossing.source.column for word in words), crossing.source


def test_a_discreet_region_keeps_alias_and_role_out_of_the_directory():
    kept = {(crossing.source.table, crossing.source.column) for crossing in CROSSINGS if crossing.discreet}

    assert kept == {("accounts", "alias"), ("memberships", "role_id")}


# ---------------------------------------------------------------- the region of an account is in no update path


def regions_in_updates(source: Source) -> Iterator[str]:
    """Find what would change a `region_id`: in `update(...).values(...)`, and in what an upsert sets."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            changes_row = isinstance(node.func, ast.Attribute) and node.func.attr == "values"
            if changes_row and not _begins_with_insert(node) and _names_region(node):
                yield f"{source.path}:{node.lineno} changes a region"
            for keyword in node.keywords:
                if keyword.arg == "set_" and "region_id" in ast.unparse(keyword.value):
                    yield f"{source.path}:{node.lineno} changes a region in an upsert"


def _begins_with_insert(node: ast.Call) -> bool:
    return "insert(" in ast.unparse(node.func)


def _names_region(node: ast.Call) -> bool:
    named = {keyword.arg for keyword in node.keywords}
    return "region_id" in named or any("region_id" in ast.unparse(argument) for argument in node.args)


def test_no_statement_changes_the_region_of_anything():
    assert [finding for source in all_sources() for finding in regions_in_updates(source)] == []


@pytest.mark.parametrize(
    "text",
    [
        "update(accounts).where(mine).values(region_id=region)\n",
        'update(accounts).values({"region_id": region})\n',
        'row.on_conflict_do_update(index_elements=[1], set_={"region_id": region})\n',
    ],
)
def test_a_statement_that_changes_a_region_is_found(text: str):
    assert len(list(regions_in_updates(Source(Path("domicile/directory/accounts/store.py"), text)))) == 1


def test_a_statement_that_sets_a_region_once_is_left_alone():
    text = "tx.insert(accounts).values(region_id=region).on_conflict_do_nothing()\n"

    assert list(regions_in_updates(Source(Path("domicile/directory/accounts/store.py"), text))) == []


# ---------------------------------------------------------------- canaries in real files

ALIAS, ROLE = "Canary Alias Heron", "full-access"
INVITED = "canary-invited-wren@example.com"
KEY_ALIAS, KEY_DESCRIPTION = "canary-key-finch", "canary-description-owl"
USER_AGENT, REQUEST_ID = "canary-agent-tern/1.0", "canary-request-lark"
IDEMPOTENCY_KEY = "canary-idempotency-kite"
OWNER_NAME, MEMBER_NAME = "Canary Owner Stork", "Canary Member Robin"
MEMBER_ADDRESS = "canary-member-robin@example.com"
NETWORK = "198.51.100.77"

STAYS_IN_REGION = [ALIAS, INVITED, KEY_ALIAS, KEY_DESCRIPTION, NETWORK]
"""What must be found in the region's database, and in no other."""
STAYS_NOWHERE = [USER_AGENT, IDEMPOTENCY_KEY]
"""What is kept nowhere as it is."""
OF_PEOPLE = [OWNER_NAME, MEMBER_NAME, MEMBER_ADDRESS]
"""What identity has, and the regions of those people's accounts."""

DISCREET = """
[[regions]]
id = "us-1"
name = "United States"
[[regions]]
id = "de-1"
name = "Germany"
discreet = true
"""


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The data folder and the logs of a server that had canaries typed into every field of an account in a discreet region."""
    folder = tmp_path_factory.mktemp("canaries")
    config = folder / "domicile.toml"
    config.write_text(DISCREET)
    with capture_logs() as logs, serving(config, folder / "data", FrozenClock()) as server:
        type_canaries(server)
    return folder / "data", json.dumps(logs, default=str)


def type_canaries(server: LiveServer) -> None:
    world = World(server)
    owner = world.person(OWNER_NAME)
    headers = {"User-Agent": USER_AGENT, "X-Request-Id": REQUEST_ID}
    wanted = {"alias": ALIAS, "region": "de-1"}
    creating = {**headers, "Idempotency-Key": IDEMPOTENCY_KEY}
    account = owner.api.call("POST", "/api/accounts", wanted, status=201, headers=creating)
    inside = world.enter(owner, account["id"])
    change = {"locale": "ja"}
    inside.call("POST", f"/api/accounts/{account['id']}", change, headers=headers)
    for address in (INVITED, MEMBER_ADDRESS):
        body = {"email": address, "roleID": "full-access"}
        inside.call("POST", "/api/invitations", body, status=201, headers=headers)
    member = world.person(MEMBER_NAME, address=MEMBER_ADDRESS)
    token = {"token": world.token_to(MEMBER_ADDRESS, "join")}
    world.token_to(INVITED, "join")
    member.api.call("POST", "/api/invitations/accept", token, headers=headers)
    key = {
        "alias": KEY_ALIAS,
        "description": KEY_DESCRIPTION,
        "roleID": "read-only",
        "allowedIPs": [NETWORK],
    }
    inside.call("POST", "/api/apikeys", key, status=201, headers=creating)
    elsewhere = owner.api.call(
        "POST", "/api/accounts", {"alias": "Openly Told", "region": "us-1"}, status=201
    )
    world.enter(owner, elsewhere["id"])


def bytes_of(data: Path, database: str) -> bytes:
    """A database's file with what lies beside it."""
    return b"".join(file.read_bytes() for file in sorted(data.glob(f"{database}.db*")))


@pytest.mark.parametrize("canary", STAYS_IN_REGION)
def test_what_is_typed_into_an_account_is_in_its_region_alone(left_behind: tuple[Path, str], canary: str):
    data, logs = left_behind

    assert canary.encode() in bytes_of(data, "region-de-1")
    assert canary.encode() not in bytes_of(data, "identity")
    assert canary.encode() not in bytes_of(data, "region-us-1")
    assert canary not in logs


@pytest.mark.parametrize("canary", STAYS_NOWHERE)
def test_what_a_program_says_of_itself_is_not_kept(left_behind: tuple[Path, str], canary: str):
    data, logs = left_behind

    for database in ("identity", "region-de-1", "region-us-1"):
        assert canary.encode() not in bytes_of(data, database)
    assert canary not in logs


@pytest.mark.parametrize("canary", OF_PEOPLE)
def test_what_a_person_says_of_themselves_is_in_identity_and_in_the_regions_of_their_accounts(
    left_behind: tuple[Path, str], canary: str
):
    data, logs = left_behind

    assert canary.encode() in bytes_of(data, "identity")
    assert canary.encode() in bytes_of(data, "region-de-1")
    assert (canary.encode() in bytes_of(data, "region-us-1")) == (canary == OWNER_NAME)
    assert canary not in logs


def test_a_request_inside_an_account_leaves_no_trace_in_other_planes(left_behind: tuple[Path, str]):
    data, _ = left_behind

    assert REQUEST_ID.encode() in bytes_of(data, "region-de-1")
    for database in ("identity", "region-us-1"):
        assert REQUEST_ID.encode() not in bytes_of(data, database)


def test_no_fingerprint_in_the_directory_lets_anybody_try_aliases_out(left_behind: tuple[Path, str]):
    data, _ = left_behind
    body = json.dumps({"alias": ALIAS, "region": "de-1"}, separators=(",", ":"), ensure_ascii=False)

    for text in (f"POST /api/accounts\n{body}", body, ALIAS, ALIAS.lower()):
        assert hashlib.sha256(text.encode()).digest() not in bytes_of(data, "identity")


def test_what_an_open_region_shows_is_in_the_directory_and_what_a_discreet_one_keeps_is_not(
    left_behind: tuple[Path, str],
):
    data, _ = left_behind

    assert b"Openly Told" in bytes_of(data, "identity")
    assert bytes_of(data, "identity").count(ROLE.encode()) >= 1


def test_only_the_listed_words_leave_by_mail_and_none_in_a_subject(left_behind: tuple[Path, str]):
    data, _ = left_behind
    mails = [file.read_text() for file in sorted((data / "mail").glob("*.eml"))]
    subjects = [line for mail in mails for line in mail.splitlines() if line.startswith("Subject:")]

    assert len(subjects) == len(mails) > 0
    assert not [subject for subject in subjects if "anary" in subject]
    for canary in (KEY_ALIAS, KEY_DESCRIPTION, USER_AGENT, REQUEST_ID, IDEMPOTENCY_KEY, NETWORK):
        assert not [mail for mail in mails if canary in mail]
