"""An operator's command that brings people over from another system."""

import asyncio
from collections import Counter
from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.importing import progress
from domicile.apps.cli.installation import THIS_ONE, Installation, explained
from domicile.apps.cli.output import show_document
from domicile.apps.cli.people_list import read_people
from domicile.apps.cli.printing import as_text, show_note
from domicile.apps.importing_people import Result, Told
from domicile.apps.importing_people import import_people as bring_over

PeopleFile = Annotated[
    str,
    Parameter(
        allow_leading_hyphen=True,
        help="JSON Lines or CSV in UTF-8 with email, name, locale, timezone, passwordHash; - for standard input.",
    ),
]
Stated = Annotated[
    bool,
    Parameter(
        negative=(),
        help="State that every address on the list was proved to be its person's; without it nothing is imported.",
    ),
]
Rehearsed = Annotated[
    bool, Parameter(negative=(), help="Tell what would come of each line, and change nothing.")
]


def import_people(
    file: PeopleFile,
    /,
    *,
    addresses_are_verified: Stated = False,
    dry_run: Rehearsed = False,
    installation: Installation = THIS_ONE,
) -> None:
    """Make users of the people of another system; who has a password there signs in with it, once their hash is here.

    Whoever has an address already stays as they are, so that it can be run again after it was cut off. Nothing is mailed. Ends with 1 if a
    line was refused.
    """
    if not (addresses_are_verified or dry_run):
        raise CommandError(
            Exit.USAGE,
            "Whoever holds an address can take its user over: if the other system proved each address, say --addresses-are-verified.",
            ["To see what would come of each line: --dry-run"],
        )
    lines, told = read_people(file), list[Told]()
    with progress(len(lines), "Importing") as advance, explained():

        def tell(one: Told) -> None:
            told.append(one)
            advance(1)

        asyncio.run(bring_over(installation.load(), lines, tell, is_rehearsal=dry_run))
    _show(told, installation, is_rehearsal=dry_run)


def _show(told: list[Told], installation: Installation, *, is_rehearsal: bool) -> None:
    counts = {str(result): count for result, count in Counter(each.result for each in told).items()}
    if installation.json:
        results = [{name: value for name, value in asdict(each).items() if value != ""} for each in told]
        show_document({"isDryRun": is_rehearsal, "results": results, "summary": counts})
    else:
        for each in told:
            print(as_text(str(each)))
    summary = f"{len(told)} lines: {', '.join(f'{count} {result}' for result, count in counts.items())}"
    if failed := sum(each.result is Result.REFUSED for each in told):
        raise CommandError(
            Exit.REFUSED, f"{summary}.", [f"{failed} of them are left: mend the list, and run it again."]
        )
    show_note(f"{summary}. {'Nothing was changed: it was a dry run.' if is_rehearsal else ''}".strip())
