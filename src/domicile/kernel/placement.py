"""Where data may go: the one list of every column whose content leaves its plane, and of what the directory makes for itself."""

from dataclasses import dataclass
from enum import StrEnum


class Plane(StrEnum):
    """Where a record lives, or goes."""

    IDENTITY = "identity"
    """People; one database for the platform."""
    DIRECTORY = "directory"
    """The small map that both need; in the database of identity."""
    REGION = "region"
    """Accounts; a database for each region."""
    MAIL = "mail"
    """The mail server; a table is a kind of mail, a column is a word in its text."""


@dataclass(frozen=True, slots=True)
class Place:
    """One column of one table."""

    plane: Plane
    table: str
    column: str

    def __str__(self) -> str:
        return f"{self.plane} {self.table}.{self.column}"


@dataclass(frozen=True, slots=True)
class Crossing:
    """One column that may leave its plane."""

    source: Place
    destination: Place
    why: str
    discreet: bool = False
    """Whether a discreet region keeps it to itself."""


@dataclass(frozen=True, slots=True)
class OwnColumn:
    """A column of the directory that is copied from nowhere."""

    place: Place
    why: str


def _to_directory(
    source: str, table: str, columns: dict[str, str], *, discreet: frozenset[str] = frozenset()
) -> tuple[Crossing, ...]:
    return tuple(
        Crossing(
            Place(Plane.REGION, source, column),
            Place(Plane.DIRECTORY, table, column),
            why,
            discreet=column in discreet,
        )
        for column, why in columns.items()
    )


def _from_user(table: str, columns: dict[str, str], why: str) -> tuple[Crossing, ...]:
    """List columns of a region's table by the column of `users` that each copies."""
    return tuple(
        Crossing(Place(Plane.IDENTITY, "users", source), Place(Plane.REGION, table, column), why)
        for column, source in columns.items()
    )


def _to_mail(source: Place, word: str, why: str) -> Crossing:
    return Crossing(source, Place(Plane.MAIL, "invitation", word), why)


ACCOUNT_ENTRY = _to_directory(
    "accounts",
    "directory_accounts",
    {
        "state": "An account that is suspended is shown as such before its region is entered.",
        "alias": "People recognise their accounts by it before any region is entered.",
        "purge_after": "People see until when a suspended account can be restored.",
        "version": "An older state never replaces a newer one.",
    },
    discreet=frozenset({"alias"}),
)
"""Region to directory, carried by the courier."""

MEMBERSHIP_INDEX = _to_directory(
    "memberships",
    "directory_memberships",
    {
        "user_id": "People find their accounts in all regions in one place.",
        "account_id": "People find their accounts in all regions in one place.",
        "state": "Only accounts that a person may enter are listed.",
        "role_id": "People see what they are in each account before any region is entered.",
        "version": "An older state never replaces a newer one.",
    },
    discreet=frozenset({"role_id"}),
)
"""Region to directory, carried by the courier."""

FEED = (
    Crossing(
        Place(Plane.IDENTITY, "users", "user_id"),
        Place(Plane.DIRECTORY, "directory_feed", "subject_id"),
        "A region learns which of its people changed.",
    ),
    Crossing(
        Place(Plane.IDENTITY, "users", "version"),
        Place(Plane.DIRECTORY, "directory_feed", "version"),
        "A region learns how new the change is.",
    ),
    Crossing(
        Place(Plane.DIRECTORY, "directory_feed", "seq"),
        Place(Plane.REGION, "feed_cursor", "seq"),
        "A region remembers how far it has read.",
    ),
    *(
        Crossing(
            Place(Plane.DIRECTORY, "directory_feed", column),
            Place(Plane.REGION, "parked_feed", column),
            "A row that failed too often waits for an operator.",
        )
        for column in ("seq", "kind", "subject_id", "version")
    ),
)
"""Identity to the regions of a person's accounts, by way of the directory: ids and versions."""

DELETION_RECEIPT = (
    *_to_directory(
        "deletion_receipts",
        "directory_receipts",
        {"receipt_id": "A receipt is found again.", "account_id": "A receipt is an account's."},
    ),
    *_to_directory(
        "purges",
        "directory_receipts",
        {
            "suspended_at": "When the account was suspended.",
            "begun_at": "When its data began to be deleted.",
        },
    ),
    Crossing(
        Place(Plane.REGION, "deletion_receipts", "at"),
        Place(Plane.DIRECTORY, "directory_receipts", "ended_at"),
        "When the last of its data was gone.",
    ),
    Crossing(
        Place(Plane.REGION, "deletion_receipts", "signed"),
        Place(Plane.DIRECTORY, "directory_receipts", "digest"),
        "A fingerprint, so that a receipt cannot be rewritten unseen.",
    ),
)
"""Region to directory, at the end of a purge: dates and a fingerprint."""
DEPARTURES = (
    *(
        Crossing(
            Place(Plane.IDENTITY, "users", column),
            Place(Plane.DIRECTORY, table, column),
            "Every region of a person hears that they leave, and takes them in no more.",
        )
        for table in ("directory_leavers", "directory_departures")
        for column in ("user_id", "version")
    ),
    Crossing(
        Place(Plane.REGION, "memberships", "account_id"),
        Place(Plane.DIRECTORY, "directory_departures", "blocking"),
        "A person learns which accounts would be left without an owner.",
    ),
    *(
        Crossing(
            Place(Plane.DIRECTORY, "directory_leavers", column),
            Place(Plane.REGION, "leavers", column),
            "A region takes nobody in who is leaving or gone.",
        )
        for column in ("user_id", "state", "version")
    ),
)
"""A person's departure: from identity to their regions, and the answer of each, by way of the directory; ids, states and versions."""

MEMBER_CARD = _from_user(
    "member_cards",
    {
        "user_id": "user_id",
        "name": "name",
        "email": "email",
        "locale": "locale",
        "time_zone": "time_zone",
        "mfa_enabled": "mfa_enabled",
        "epoch": "epoch",
        "card_version": "version",
    },
    "An account knows who its users are; only in regions where the person is a member, and only while they are.",
)
"""Identity to region."""

AUTHORSHIP = (
    *_from_user("memberships", {"user_id": "user_id"}, "A membership is a user's."),
    *_from_user(
        "memberships", {"absence": "state"}, "Nobody who is disabled, or leaving, counts as an owner."
    ),
    *_from_user("accounts", {"created_by": "user_id"}, "An account knows who created it."),
    *_from_user("api_keys", {"created_by": "user_id"}, "An account knows who made a key."),
    *_from_user(
        "invitations",
        {"created_by_id": "user_id", "accepted_by": "user_id"},
        "An account knows who invited and who accepted.",
    ),
    *_from_user("outbox", {"subject_id": "user_id"}, "A row of the membership index names its user."),
    *_from_user("access_log", {"subject_id": "user_id"}, "Copies of accesses are dropped by name."),
    *_from_user(
        "access_history",
        {"subject_id": "user_id"},
        "An account knows who had access at a past moment.",
    ),
    *_from_user(
        "audit_events",
        {"principal_id": "user_id", "personal": "email", "details": "user_id"},
        "The audit says who did what to whom, for as long as it is kept.",
    ),
    *_from_user(
        "service_openings",
        {"user_id": "user_id"},
        "A way into a service is a user's, for an hour at most unused.",
    ),
    *_from_user(
        "audit_marks", {"subject_id": "user_id"}, "A refusal is recorded once a minute, for 25 hours."
    ),
    *_from_user(
        "idempotency_keys", {"principal_id": "user_id"}, "A repeated request is recognised by who repeats it."
    ),
)
"""Identity to region, with what a person does there: ids, and in the audit the address."""

CONTACTS = _from_user(
    "contacts",
    {"billing": "email", "operations": "email", "general": "email"},
    "An account's lists of contacts begin with its creator's address.",
)
"""Identity to region, once, when an account is created."""

INVITATION_MAIL = (
    _to_mail(Place(Plane.REGION, "invitations", "email_key"), "to", "The mail goes to the invited address."),
    _to_mail(Place(Plane.REGION, "invitations", "role_id"), "role", "The mail says what is offered."),
    _to_mail(Place(Plane.REGION, "invitations", "expires_at"), "expires", "The mail says until when."),
    _to_mail(Place(Plane.REGION, "accounts", "alias"), "alias", "The mail says to which account."),
    _to_mail(Place(Plane.REGION, "accounts", "account_id"), "link", "The link leads to the account."),
    _to_mail(Place(Plane.REGION, "member_cards", "name"), "inviter", "The mail says who invites."),
)
"""Region to mail server, and on to the one address that was invited; a discreet region sends it too."""

LIFECYCLE_MAIL = tuple(
    Crossing(source, Place(Plane.MAIL, mail, word), why)
    for mail in ("account_suspended", "purge_approaching")
    for source, word, why in (
        (
            Place(Plane.REGION, "member_cards", "email"),
            "to",
            "The mail goes to each user with full access.",
        ),
        (Place(Plane.REGION, "member_cards", "name"), "name", "The mail greets its reader."),
        (Place(Plane.REGION, "accounts", "alias"), "alias", "The mail says which account."),
        (Place(Plane.REGION, "accounts", "account_id"), "account_id", "The mail says which account."),
        (Place(Plane.REGION, "accounts", "purge_after"), "purge_after", "The mail says until when."),
        (Place(Plane.REGION, "accounts", "receipt_id"), "receipt", "The mail says how to read the receipt."),
    )
)
"""Region to mail server, and on to the users with full access of an account that is suspended; a discreet region sends it too."""

NOTICE_MAIL = tuple(
    Crossing(Place(Plane.IDENTITY, table, column), Place(Plane.MAIL, "notice", word), why)
    for table, column, word, why in (
        ("users", "email_key", "to", "The mail goes to the person that it is about."),
        ("users", "name", "name", "The mail greets its reader."),
        ("users", "time_zone", "when", "The mail says when it was in the reader's own time."),
        ("security_events", "at", "when", "The mail says when it was."),
        (
            "security_events",
            "source_address",
            "address",
            "The person sees whether it was them: the address that the request came from, whole.",
        ),
        (
            "security_events",
            "details",
            "device",
            "The person sees whether it was them: names of known programs and systems, nothing that a program said.",
        ),
        ("security_events", "details", "factor_kind", "The mail says what kind of factor it was."),
        ("security_events", "details", "factor_name", "The mail says which factor, as the person calls it."),
        ("security_events", "details", "codes_left", "The mail says how many recovery codes are left."),
    )
)
"""Identity to mail server, and on to the person whose credentials changed; nothing of any account is in it."""

CROSSINGS: tuple[Crossing, ...] = (
    *ACCOUNT_ENTRY,
    *DELETION_RECEIPT,
    *MEMBERSHIP_INDEX,
    *FEED,
    *DEPARTURES,
    *MEMBER_CARD,
    *AUTHORSHIP,
    *CONTACTS,
    *INVITATION_MAIL,
    *LIFECYCLE_MAIL,
    *NOTICE_MAIL,
)
"""Every column that may leave its plane; what is not here stays."""


def _own(table: str, columns: dict[str, str]) -> tuple[OwnColumn, ...]:
    return tuple(OwnColumn(Place(Plane.DIRECTORY, table, column), why) for column, why in columns.items())


DIRECTORY_OWN: tuple[OwnColumn, ...] = (
    *_own(
        "directory_accounts",
        {
            "account_id": "Given out here, so that no two regions give out the same.",
            "region_id": "The region that was chosen, for ever.",
            "created_at": "When the id was given out.",
            "creator_id": "The user for whom the id was given out.",
            "request_key": "A fingerprint by which a repeated creation is recognised.",
            "request_digest": "A fingerprint of that request, under a key that only the region has.",
        },
    ),
    *_own("directory_memberships", {"region_id": "The region that the row is from."}),
    *_own("directory_receipts", {"region_id": "The region that gave the receipt."}),
    *_own(
        "directory_feed",
        {
            "region_id": "The region that the row is for.",
            "seq": "The number of the row.",
            "kind": "What sort of thing changed.",
            "at": "When the row was written.",
        },
    ),
    *_own(
        "directory_leavers",
        {
            "state": "Whether the person is leaving, or gone.",
            "at": "Since when; of who is gone, nothing but this and the id is kept.",
        },
    ),
    *_own(
        "directory_departures",
        {
            "region_id": "The region that is asked.",
            "state": "Its answer.",
            "at": "When it was asked.",
        },
    ),
    *_own("directory_feed_heads", {"region_id": "The region.", "seq": "The number of its newest row."}),
)
"""Every column of the directory that is no copy."""
