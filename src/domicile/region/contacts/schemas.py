"""Contacts on the wire."""

from typing import ClassVar

from msgspec import UNSET, UnsetType

from domicile.infra.email_address import parse_email_address
from domicile.kernel.clock import whole_seconds
from domicile.kernel.faults import Faults
from domicile.kernel.text import Refused
from domicile.region.contacts.domain import MOST_ADDRESSES, Contacts, ContactsChange
from domicile.web.bodies import Wire


class ContactsBody(Wire, frozen=True):
    """Whom to write to about an account."""

    example: ClassVar[dict[str, object]] = {
        "billing": ["invoices@example.com"],
        "operations": ["ada@example.com", "night-shift@example.com"],
        "general": ["ada@example.com"],
        "lastModified": "2026-05-01T08:00:00Z",
    }

    billing: list[str]
    """About invoices and subscriptions."""
    operations: list[str]
    """About maintenance, incidents and security."""
    general: list[str]
    """About everything else."""
    last_modified: str


class ContactsChangeBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The lists to replace, each as a whole: one to five addresses; the others stay."""

    example: ClassVar[dict[str, object]] = {"billing": ["invoices@example.com", "ada@example.com"]}

    billing: list[str] | UnsetType = UNSET
    operations: list[str] | UnsetType = UNSET
    general: list[str] | UnsetType = UNSET


def read_contacts_change(body: ContactsChangeBody) -> ContactsChange:
    """Read which lists are to be replaced; `invalid-input` names every list with a fault."""
    return read_lists({name: None if given is UNSET else given for name, given in _lists_of(body).items()})


def read_lists(given: dict[str, list[str] | None]) -> ContactsChange:
    """Read lists as they were typed; None: stays."""
    faults = Faults()
    read: dict[str, tuple[str, ...] | None] = {}
    for name, addresses in given.items():
        try:
            read[name] = None if addresses is None else check_addresses(addresses)
        except Refused as refused:
            faults.add(name, str(refused))
    faults.settle()
    return ContactsChange(read["billing"], read["operations"], read["general"])


def check_addresses(texts: list[str]) -> tuple[str, ...]:
    """Accept one to five different addresses.

    None at all is refused: what is written to an empty list reaches nobody, and nobody would know.
    """
    if not texts:
        raise Refused("must hold at least one address")
    if len(texts) > MOST_ADDRESSES:
        raise Refused(f"must hold at most {MOST_ADDRESSES} addresses")
    known: dict[str, str] = {}
    for number, text in enumerate(texts, start=1):
        try:
            address = parse_email_address(text)
        except Refused as refused:
            raise Refused(f"address {number} {refused}") from None
        if address.key in known:
            raise Refused(f"address {number} is there twice")
        known[address.key] = address.shown
    return tuple(known.values())


def _lists_of(body: ContactsChangeBody) -> dict[str, list[str] | UnsetType]:
    return {"billing": body.billing, "operations": body.operations, "general": body.general}


def shape_contacts(contacts: Contacts) -> ContactsBody:
    """Write contacts for the wire."""
    return ContactsBody(
        billing=list(contacts.billing),
        operations=list(contacts.operations),
        general=list(contacts.general),
        last_modified=whole_seconds(contacts.modified_at),
    )
