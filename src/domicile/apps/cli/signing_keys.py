"""An operator's commands about the keys with which regions and identity sign: list and rotate them."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from domicile.apps.cli.asking import require_consent
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.installation import THIS_ONE, Installation, explained
from domicile.apps.cli.options import AssumeYes
from domicile.apps.cli.output import Column, show_document, show_rows
from domicile.infra.settings import Settings
from domicile.kernel.clock import utc_now, whole_seconds

if TYPE_CHECKING:
    from domicile.apps.signing_keys import Outcome

signing_keys = App(name="signing-keys")

_IDENTITY = "identity"
_COLUMNS = (
    Column("Key", "kid", is_whole=True),
    Column("Of", "owner"),
    Column("State", "state"),
    Column("Algorithm", "algorithm"),
    Column("Created", "created", is_whole=True),
    Column("Signs from", "signsFrom", is_whole=True),
    Column("Signed until", "signedUntil", is_whole=True),
    Column("Retires", "retires", is_whole=True),
    Column("Withdrawn", "withdrawn", is_whole=True),
)
_PLAN = (Column("Of", "owner"), Column("Signs now", "kid", is_whole=True), Column("Then", "then"))
_SLOWLY = "A new key is published, and signs after ten minutes."
_AT_ONCE = "The key is withdrawn, and a new one signs at once."

Region = Annotated[
    list[str] | None,
    Parameter(name="--region", negative=(), help="The keys of this region; repeatable."),
]
OfIdentity = Annotated[bool, Parameter(name="--identity", negative=(), help="The keys of identity.")]


@signing_keys.command(name="list")
def list_all(
    *, region: Region = None, identity: OfIdentity = False, installation: Installation = THIS_ONE
) -> None:
    """List every signing key there ever was, without its private part; of all, unless some are named."""
    from domicile.apps.signing_keys import list_signing_keys, owners_of  # noqa: PLC0415 - loads no server until it runs

    settings = installation.load()
    owners = _chosen(settings, region or [], identity=identity) or owners_of(settings)
    with explained():
        rows = asyncio.run(list_signing_keys(settings, owners))
    if installation.json:
        show_document({"signingKeys": rows})
    elif rows:
        show_rows(rows, _COLUMNS)
    else:
        print("There is no signing key yet: the first start of the server makes them.")


@signing_keys.command(name="rotate")
def rotate(
    *,
    region: Region = None,
    identity: OfIdentity = False,
    everything: Annotated[
        bool, Parameter(name="--all", negative=(), help="The keys of identity and of every region.")
    ] = False,
    now: Annotated[
        bool,
        Parameter(
            negative=(),
            help="For a key that leaked: withdraw it, and every token that it signed, and sign with a new one at once.",
        ),
    ] = False,
    yes: AssumeYes = False,
    installation: Installation = THIS_ONE,
) -> None:
    """Replace signing keys, without refusing anybody; running servers follow by themselves."""
    from domicile.apps import signing_keys as keys  # noqa: PLC0415 - loads no server until it runs

    settings = installation.load()
    owners = keys.owners_of(settings) if everything else _chosen(settings, region or [], identity=identity)
    if not owners:
        raise CommandError(Exit.USAGE, "Say which keys: --region ID, --identity or --all.")
    with explained():
        rows = asyncio.run(keys.list_signing_keys(settings, owners))
    planned = [(row["owner"], row["kid"]) for row in rows if row["state"] == "current"]
    if len(planned) < len(owners):
        raise CommandError(
            Exit.REFUSED, "There is no signing key yet: the first start of the server makes them."
        )
    if not installation.json:
        then = _AT_ONCE if now else _SLOWLY
        show_rows([{"owner": owner, "kid": kid, "then": then} for owner, kid in planned], _PLAN)
    require_consent(_consequence(owners, now=now), assume_yes=yes)
    do = keys.withdraw_signing_keys if now else keys.rotate_signing_keys
    with explained():
        outcomes = asyncio.run(do(settings, planned, utc_now))
    _show(outcomes, installation, now=now)


def _chosen(settings: Settings, regions: Sequence[str], *, identity: bool) -> list[str]:
    served = [entry.id for entry in settings.served_regions]
    if unknown := [name for name in regions if name not in served]:
        raise CommandError(
            Exit.USAGE, f"There is no region {', '.join(unknown)} here. There are: {', '.join(served)}."
        )
    return [*([_IDENTITY] if identity else []), *dict.fromkeys(regions)]


def _consequence(owners: Sequence[str], *, now: bool) -> str:
    if not now:
        return "Nobody is refused: what the present keys have signed stays good."
    told: list[str] = []
    if any(owner != _IDENTITY for owner in owners):
        told.append(
            "Every account token of these regions is refused within a second: people enter their accounts again. "
            "Services that verify tokens by themselves believe the withdrawn key until they fetch the keys again, within five minutes. "
            "Deletion receipts that it signed are good only as far as the directory has their fingerprints."
        )
    if _IDENTITY in owners:
        told.append("Exports that identity signed with the withdrawn key cannot be verified any more.")
    return " ".join(told)


def _show(outcomes: "Sequence[Outcome]", installation: Installation, *, now: bool) -> None:
    done = [(each.owner, each.rotation) for each in outcomes if each.rotation is not None]
    refusals = [each.refusal for each in outcomes if each.rotation is None]
    if installation.json:
        rotated = [
            {
                "owner": owner,
                "former": made.former,
                "kid": made.kid,
                "signsFrom": whole_seconds(made.signs_from),
                "isWithdrawn": now,
            }
            for owner, made in done
        ]
        show_document({"rotated": rotated, "refused": refusals})
    else:
        for owner, made in done:
            begins = "signs now" if now else f"signs from {whole_seconds(made.signs_from)} on"
            print(
                f"{owner}: {made.kid} {begins}; {made.former} {'is withdrawn' if now else 'signs until then'}."
            )
    if refusals:
        raise CommandError(
            Exit.REFUSED, "Not every key was rotated. See how they are: domicile signing-keys list", refusals
        )
