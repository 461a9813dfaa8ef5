"""An operator's commands about failed attempts: what is counted of a person, and clearing it."""

import asyncio
from ipaddress import ip_address
from typing import Annotated

from cyclopts import Parameter

from domicile.apps.cli.asking import require_consent
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.installation import THIS_ONE, Installation, explained
from domicile.apps.cli.keeping_out import Someone, people
from domicile.apps.cli.options import AssumeYes
from domicile.apps.cli.output import Column, show_document, show_rows
from domicile.kernel.methods import Way

_COLUMNS = (
    Column("Way", "factor", is_whole=True),
    Column("Sources", "sources", is_whole=True),
    Column("Failures", "failures"),
    Column("Last", "last", is_whole=True),
    Column("State", "state", is_whole=True),
    Column("Next try", "next", is_whole=True),
)


@people.command(name="attempts")
def show_attempts(person: Someone, /, *, installation: Installation = THIS_ONE) -> None:
    """Show the failed attempts that are counted of a person, and when the next one may be made."""
    from domicile.apps.throttling import show_attempts as show  # noqa: PLC0415 - loads no server until it runs

    with explained():
        about, counters = asyncio.run(show(installation.load(), person))
    if installation.json:
        show_document(about | {"attempts": counters})
        return
    if counters:
        show_rows(counters, _COLUMNS)
    else:
        print(f"Nothing has failed that is still counted of {about['email']}.")
    print(f"Familiar sources: {about['familiarSources']}")


@people.command(name="clear-attempts")
def clear_attempts(
    person: Annotated[str | None, Parameter(help="Email or id of the person.")] = None,
    /,
    *,
    factor: Annotated[Way | None, Parameter(help="One factor only; else all of them.")] = None,
    range_: Annotated[
        str | None,
        Parameter(name="--range", help="An address, whose ranges are cleared instead of a person."),
    ] = None,
    yes: AssumeYes = False,
    installation: Installation = THIS_ONE,
) -> None:
    """Forget the failed attempts of a person, or of the ranges of an address, so that the next try may follow at once."""
    if (person is None) == (range_ is None):
        raise CommandError(Exit.USAGE, "Say whose attempts to clear: a person, or --range ADDRESS.")
    if range_ is not None and factor is not None:
        raise CommandError(Exit.USAGE, "A range counts every factor together: leave --factor out.")
    if range_ is not None and not _is_address(range_):
        raise CommandError(Exit.USAGE, "--range takes an IPv4 or IPv6 address.")
    require_consent(f"Whoever guesses at {person or range_} may begin again from nothing.", assume_yes=yes)
    if range_ is not None:
        _clear_range(installation, range_)
    elif person is not None:
        _clear_person(installation, person, factor)


def _clear_person(installation: Installation, person: str, factor: Way | None) -> None:
    from domicile.apps.throttling import clear_person  # noqa: PLC0415 - loads no server until it runs

    with explained():
        done = asyncio.run(clear_person(installation.load(), person, factor))
    if installation.json:
        show_document(done)
    elif done["cleared"]:
        print(f"The failed attempts of {done['email']} are forgotten.")
    else:
        print(f"There was nothing to clear of {done['email']}.")


def _clear_range(installation: Installation, address: str) -> None:
    from domicile.apps.throttling import clear_address  # noqa: PLC0415 - loads no server until it runs

    with explained():
        ranges = asyncio.run(clear_address(installation.load(), address))
    if installation.json:
        show_document({"ranges": list(ranges)})
    else:
        print(f"Nothing is counted any more of {' and '.join(ranges)}.")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
