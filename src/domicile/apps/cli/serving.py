"""The command that runs the server."""

from domicile.apps.cli.installation import THIS_ONE, Installation


def serve(*, host: str | None = None, port: int | None = None, installation: Installation = THIS_ONE) -> None:
    """Run the whole of Domicile in one process, until it is told to stop.

    Parameters
    ----------
    host
        The address to listen at. [default: 127.0.0.1]
    port
        The port to listen at. [env var: DOMICILE_PORT] [default: 8800]
    """
    from domicile.apps.serve import run  # noqa: PLC0415 - completions and typing errors load no server

    settings = installation.load(host=host, port=port)
    run(settings, settings.server.host, settings.server.port)
