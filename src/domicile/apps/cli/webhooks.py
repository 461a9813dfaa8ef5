"""Commands about what services are told of accounts: what they have not taken, sending it again, and the secret of the signatures."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import App, Parameter

from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.installation import THIS_ONE, Installation, explained
from domicile.apps.cli.output import Column, show_document, show_rows
from domicile.apps.cli.printing import show_note

webhooks = App(name="webhooks")

ServiceName = Annotated[str, Parameter(help="Name of the service in its manifest.")]

_COLUMNS = (
    Column("Region", "region", is_whole=True),
    Column("Service", "service", is_whole=True),
    Column("Event", "id", is_whole=True),
    Column("Type", "type", is_whole=True),
    Column("Account", "account", is_whole=True),
    Column("State", "state"),
    Column("Attempts", "attempts"),
    Column("Error", "error"),
)


@webhooks.command(name="status")
def show_status(*, installation: Installation = THIS_ONE) -> None:
    """Show the events that services were told and have not taken: still tried, or given up after three days."""
    from domicile.apps.operate import webhooks_status  # noqa: PLC0415 - loads no server until it runs

    settings = installation.load()
    with explained():
        rows = asyncio.run(webhooks_status(settings))
    if installation.json:
        show_document({"events": rows})
    elif rows:
        show_rows(rows, _COLUMNS)
    else:
        print("Every service has taken everything that it was told.")


@webhooks.command(name="send")
def send_events(
    service: ServiceName,
    /,
    *,
    event: Annotated[str | None, Parameter(help="This event alone.")] = None,
    since: Annotated[
        str | None,
        Parameter(
            help="All that happened since then, taken or not, like 2026-11-27T10:00:00Z; kept for 30 days."
        ),
    ] = None,
    region: Annotated[str | None, Parameter(help="In this region alone.")] = None,
    installation: Installation = THIS_ONE,
) -> None:
    """Tell a service again: what was given up, or what is named; each event keeps its id, by which the service knows it."""
    from domicile.apps.operate import webhooks_send  # noqa: PLC0415

    if event and since:
        raise CommandError(Exit.USAGE, "Say --event or --since, not both.")
    settings = installation.load()
    with explained():
        count = asyncio.run(
            webhooks_send(settings, service, region, since=_moment(since) if since else None, id_=event)
        )
    if installation.json:
        show_document({"sentAgain": count})
    else:
        print(f"{count} events are due again." if count != 1 else "1 event is due again.")


@webhooks.command(name="secret")
def show_secret(
    service: ServiceName,
    region: Annotated[str, Parameter(help="Id of the region.")],
    /,
    *,
    installation: Installation = THIS_ONE,
) -> None:
    """Print the secret by which a service verifies what one region tells it (Standard Webhooks)."""
    from domicile.infra.webhooks import webhook_secret  # noqa: PLC0415

    settings = installation.load()
    known = {entry.service.name: entry.service for entry in settings.services}
    if service not in known or not known[service].lifecycle_url:
        raise CommandError(Exit.USAGE, f"No service {service!r} with a lifecycle address is registered.")
    if region not in {entry.id for entry in settings.regions}:
        raise CommandError(Exit.USAGE, f"There is no region {region!r}.")
    with explained():
        secret = webhook_secret(settings.root_key.open(), service, region).reveal()
    if installation.json:
        show_document({"service": service, "region": region, "secret": secret})
        return
    print(secret)
    show_note(f"Give it to {service} in {region}, and to nobody else.")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(Exit.USAGE, f"{text!r} is no moment: say one like 2026-11-27T10:00:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
