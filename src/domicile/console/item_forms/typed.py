"""What was typed about an item, read as far as it can be, and what is wrong with it, told beside the input that mends it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from domicile.console.forms import Form, blank
from domicile.console.items.json_text import pretty, read_object
from domicile.console.wording import told
from domicile.kernel.errors import DomainError, ErrorKind, invalid
from domicile.kernel.services import Category, Kind
from domicile.kernel.text import Refused
from domicile.region.item_log.domain import Target
from domicile.region.items.domain import Change, Item
from domicile.region.items.service import refuse

INPUTS: Final = {
    "name": "Name",
    "labels": "Labels",
    "provider": "Provider",
    "location": "Location",
    "spec": "Spec",
}
"""The inputs of the form, by their names, as people read them."""
_POINTERS = {"/target/provider": "provider", "/target/location": "location", "/target": "provider"}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong, told in a sentence."""

    input: str
    """Where it is mended; empty where no input does."""
    text: str


@dataclass(frozen=True, slots=True)
class Typed:
    """A change, without what could not be read, and why that could not, by JSON pointer (RFC 6901)."""

    change: Change
    faults: dict[str, str]


class Act(Protocol):
    """Writes an item, or only tries."""

    async def __call__(self, *, dry_run: bool) -> Item:
        """Write the item; with `dry_run` check everything and keep nothing."""
        ...


def read_typed(form: Form, kind: Kind) -> Typed:
    """Read labels, target and spec; all of them are replaced, each as a whole."""
    faults: dict[str, str] = {}
    labels = spec = None
    try:
        labels = _read_labels(form.text("labels"))
    except Refused as refused:
        faults["/labels"] = str(refused)
    try:
        spec = read_object(form.text("spec"))
    except Refused as refused:
        faults["/spec"] = str(refused)
    target = None
    if kind.category is Category.DEPLOYMENT:
        target = Target(form.text("provider").strip(), form.text("location").strip())
    return Typed(Change(labels, spec, target), faults)


async def write(typed: Typed, act: Act) -> Item:
    """Write the item; where something could not even be read, only try, so that all that is wrong is told at once."""
    try:
        written = await act(dry_run=bool(typed.faults))
    except DomainError as error:
        if error.kind is not ErrorKind.INVALID:
            raise
        raise invalid({**typed.faults, **error.fields}) from None
    refuse(typed.faults)
    return written


def fill_in(item: Item) -> Form:
    """Make the form that shows an item as it is."""
    contents, target = item.contents, item.contents.target
    return blank(
        version=str(item.version),
        labels="\n".join(f"{key}={value}" for key, value in sorted(contents.labels.items())),
        spec=pretty(dict(contents.spec)),
        provider=target.provider if target else "",
        location=target.location if target else "",
    )


def faults_of(error: DomainError) -> list[Fault]:
    """Tell what is wrong, each with the input that mends it, in the order of the inputs."""
    faults = [_fault(pointer, reason) for pointer, reason in error.fields.items()]
    order = {name: at for at, name in enumerate(INPUTS)}
    return sorted(faults, key=lambda fault: order.get(fault.input, len(order)))


def _fault(pointer: str, reason: str) -> Fault:
    name = _POINTERS.get(pointer, pointer.split("/")[1] if pointer.startswith("/") else "")
    if name not in INPUTS:
        return Fault("", told(reason, pointer))
    inner = pointer.removeprefix(f"/{name}") if name in {"labels", "spec"} else ""
    if pointer == "/target":
        return Fault(name, told(reason, "Target"))
    return Fault(name, told(reason, f"{INPUTS[name]} at {inner}" if inner else INPUTS[name]))


def _read_labels(text: str) -> Mapping[str, str]:
    labels: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            raise Refused(f"line {number} must be key=value")
        if key in labels:
            raise Refused(f"line {number} has the key of a line before")
        labels[key] = value
    return labels
