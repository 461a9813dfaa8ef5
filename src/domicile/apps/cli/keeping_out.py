"""An operator's commands about people: show one, keep one out everywhere, let one in again, reset second factors."""

import asyncio
from typing import Annotated

from cyclopts import App, Parameter

from domicile.apps.cli.asking import require_consent
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.installation import THIS_ONE, Installation, explained
from domicile.apps.cli.options import AssumeYes
from domicile.apps.cli.output import show_document, show_facts

people = App(name="people")
people.command(
    "domicile.apps.cli.importing_people:import_people",
    name="import",
    help="Make users of the people of another system.",
)

Someone = Annotated[str, Parameter(help="Email or id of the person.")]
Reason = Annotated[str, Parameter(help="Why; the person can read it among their security events.")]


@people.command(name="show")
def show_person(person: Someone, /, *, installation: Installation = THIS_ONE) -> None:
    """Show a person: state, regions, and how their deletion stands if they asked for one."""
    from domicile.apps.keeping_out import show_person as show  # noqa: PLC0415 - loads no server until it runs

    with explained():
        found = asyncio.run(show(installation.load(), person))
    if installation.json:
        show_document(found)
    else:
        show_facts(found)


@people.command(name="disable")
def disable_person(
    person: Someone,
    /,
    *,
    reason: Reason,
    force: Annotated[
        bool, Parameter(negative=(), help="Also where an account is left without an owner who may sign in.")
    ] = False,
    yes: AssumeYes = False,
    installation: Installation = THIS_ONE,
) -> None:
    """Keep a person out everywhere: sessions and tokens end, memberships and roles stay."""
    from domicile.apps import keeping_out  # noqa: PLC0415 - loads no server until it runs

    require_consent(f"{person} is signed out everywhere and cannot sign in.", assume_yes=yes)
    do = keeping_out.keep_out if force else keeping_out.keep_out_unless_last
    with explained():
        user, sole = asyncio.run(do(installation.load(), person, reason))
    accounts = [f"{account} in {region}" for region, account in sole.accounts]
    if not keeping_out.is_disabled(user):
        unasked = [f"{region} is not served from here and was not asked" for region in sole.unasked]
        raise CommandError(
            Exit.REFUSED, f"{user.email} was not disabled{_why_not(accounts, unasked)}", [*accounts, *unasked]
        )
    if installation.json:
        show_document({"id": user.id, "state": user.state, "accountsWithoutOwner": accounts})
    else:
        print(f"{user.email} is disabled. Let them in again: domicile people enable {user.id} --reason WHY")


@people.command(name="enable")
def enable_person(person: Someone, /, *, reason: Reason, installation: Installation = THIS_ONE) -> None:
    """Let a disabled person in again, or keep one whose deletion is under way."""
    from domicile.apps.keeping_out import let_in  # noqa: PLC0415 - loads no server until it runs

    with explained():
        user = asyncio.run(let_in(installation.load(), person, reason))
    if installation.json:
        show_document({"id": user.id, "state": user.state})
    else:
        print(f"{user.email} is {user.state}.")


@people.command(name="reset-factors")
def reset_factors(
    person: Someone, /, *, reason: Reason, yes: AssumeYes = False, installation: Installation = THIS_ONE
) -> None:
    """Take every second factor away from a person who lost them, once you have seen who they are; they are told by mail."""
    from domicile.apps.keeping_out import take_factors_away  # noqa: PLC0415 - loads no server until it runs

    require_consent(
        f"{person} is signed out everywhere, and their password alone is enough to sign in.", assume_yes=yes
    )
    with explained():
        reset = asyncio.run(take_factors_away(installation.load(), person, reason))
    if installation.json:
        gone = [{"id": each.id, "kind": each.kind, "name": each.name} for each in reset.gone]
        show_document({"id": reset.user.id, "removed": gone})
    elif reset.gone:
        print(f"{reset.user.email} has no second factor any more ({len(reset.gone)} removed).")
    else:
        print(f"{reset.user.email} has no second factor. Nothing was changed.")


def _why_not(accounts: list[str], unasked: list[str]) -> str:
    if accounts:
        return ": they are the last user with full access here. Say --force to do it nevertheless."
    if unasked:
        return (
            ": they may be the last user with full access of an account. Say --force to do it nevertheless."
        )
    return ": they are being deleted. Keep them first: domicile people enable"
