"""The command that verifies what a person has exported: offline, with identity's public keys."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from domicile.apps.cli.api import new_client
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.options import LOCAL, Server
from domicile.apps.cli.output import show_document, show_facts

_PATH = "/.well-known/domicile/identity/statement-keys.json"


def verify_export(
    file: Annotated[Path, Parameter(help="The file domicile-person.json, as `me export` writes it.")],
    /,
    *,
    keys: Annotated[
        Path | None,
        Parameter(help=f"A file with identity's public keys, from {_PATH}, instead of asking the server."),
    ] = None,
    server: Server = LOCAL,
) -> None:
    """Verify that identity signed an export, and that nothing in it was changed since."""
    from domicile.identity.export.statement import NotAsSignedError  # noqa: PLC0415 - loads no cryptography until it runs
    from domicile.identity.export.statement import verify_export as verify  # noqa: PLC0415
    from domicile.region.audit.exported import parse_line  # noqa: PLC0415

    document = parse_line(_read(file))
    if document is None:
        raise CommandError(
            Exit.REFUSED, f"{file} is no JSON object, or says something twice: it was changed."
        )
    try:
        claims = verify(document, _keys(keys, server))
    except NotAsSignedError as error:
        raise CommandError(Exit.REFUSED, f"{file} is not as identity signed it.", [str(error)]) from None
    told: dict[str, object] = {"isGenuine": True, **claims}
    if server.json:
        show_document(told)
    else:
        show_facts(told)


def _keys(keys: Path | None, server: Server) -> dict[str, Any]:
    if keys is not None:
        content, where = _read(keys), str(keys)
    else:
        with new_client(server.base_url) as client:
            content, where = client.get(_PATH).content, f"{server.base_url}{_PATH}"
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.DecodeError:
        raise CommandError(Exit.REFUSED, f"There are no keys at {where}.") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(Exit.USAGE, f"{path} cannot be read: {error.strerror}") from None
