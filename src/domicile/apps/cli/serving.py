"""The command that runs the server."""

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.installation import THIS_ONE, Installation, explained


def serve(
    *,
    host: str | None = None,
    port: Annotated[int | None, Parameter(validator=Number(gte=0, lte=65535))] = None,
    installation: Installation = THIS_ONE,
) -> None:
    """Run the whole of Domicile in one process, until it is told to stop.

    Parameters
    ----------
    host
        The address to listen at. [default: 127.0.0.1]
    port
        The port to listen at. [env var: DOMICILE_PORT] [default: 8800]
    """
    from domicile.apps.serve import run  # noqa: PLC0415 - completions and typing errors load no server
    from domicile.infra.service_settings import make_missing_credentials  # noqa: PLC0415

    settings = installation.load(host=host, port=port)
    with explained():
        if make_missing_credentials(settings.services):
            settings = installation.load(host=host, port=settings.server.port)
    try:
        with explained():
            run(settings)
    except SystemExit as ended:
        # The server's own exit codes mean other things than ours.
        if ended.code:
            address = f"{settings.server.host}:{settings.server.port}"
            raise CommandError(Exit.REFUSED, f"The server could not start at {address}.") from None
