"""Commands about deletion receipts: show one, and verify one with the region's public keys, offline if need be."""

import hashlib
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from domicile.apps.cli.api import JsonObject, new_client, open_api, path_to, text_of
from domicile.apps.cli.exits import CommandError, Exit
from domicile.apps.cli.options import LOCAL, Server
from domicile.apps.cli.output import show_document, show_facts, show_item
from domicile.kernel.ids import find_receipt_id

receipts = App(name="receipts")

_SAME = {
    "id": "jti",
    "accountID": "account",
    **{name: name for name in ("region", "suspended", "begun", "ended", "rows", "deleted", "remaining")},
    "kept": "kept",
    "services": "services",
}
"""Members of a receipt as the API gives it, and what they are called in the signed statement."""


@receipts.command(name="show")
def show_receipt(
    receipt: Annotated[str, Parameter(help="Id of the receipt, from the mails about the deletion.")],
    /,
    *,
    server: Server = LOCAL,
) -> None:
    """Show what was deleted of an account, when, and what is kept."""
    with open_api(server.base_url) as api:
        answer = api.call("GET", path_to("deletion-receipts", receipt))
    show_item(answer, server)


@receipts.command(name="verify")
def verify_receipt(
    receipt: Annotated[
        str, Parameter(help="A file with a receipt, as `receipts show --json` gives it, or a receipt's id.")
    ],
    /,
    *,
    jwks: Annotated[
        Path | None, Parameter(help="A file with the region's public keys, instead of asking the server.")
    ] = None,
    server: Server = LOCAL,
) -> None:
    """Verify that a region signed a receipt, that nothing in it was changed, and that the directory holds its fingerprint."""
    body = _read(receipt, server)
    signed = text_of(body, "signed")
    claims, withdrawn = _verified(signed, jwks, server)
    _compare(body, claims)
    filed, digest = text_of(body, "digest"), hashlib.sha256(signed.encode()).hexdigest()
    if filed and filed != digest:
        raise CommandError(Exit.REFUSED, "The directory holds another fingerprint than that of this receipt.")
    # What a file says of the directory was written by whoever made the file.
    if withdrawn and (not filed or find_receipt_id(receipt) is None):
        raise CommandError(
            Exit.REFUSED,
            f"The key of this receipt was withdrawn on {withdrawn}, so that anybody may have signed it; "
            "ask the server by its id, whether the directory has held its fingerprint since it was made.",
        )
    told = {"isGenuine": True, "digest": digest, "isFiled": bool(filed), **claims}
    if server.json:
        show_document(told)
    else:
        show_facts(told)


def _read(receipt: str, server: Server) -> JsonObject:
    if find_receipt_id(receipt) is not None:
        with open_api(server.base_url) as api:
            return api.call("GET", path_to("deletion-receipts", receipt)).body()
    try:
        text = Path(receipt).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise CommandError(
            Exit.USAGE, f"{receipt} is neither a file that can be read nor a receipt's id."
        ) from None
    if not text.startswith("{"):
        return {"signed": text}
    try:
        return msgspec.json.decode(text, type=JsonObject)
    except msgspec.DecodeError:
        raise CommandError(Exit.REFUSED, f"{receipt} holds no receipt.") from None


def _verified(signed: str, jwks: Path | None, server: Server) -> tuple[dict[str, Any], object]:
    """Give what was signed, and when its key was withdrawn, if it was."""
    from domicile.infra.signing import find_key, read_signed  # noqa: PLC0415 - loads no cryptography until it runs
    from domicile.region.purging.domain import RECEIPT_TYPE  # noqa: PLC0415

    keys = _keys(signed, jwks, server)
    claims = read_signed(keys, signed, type_=RECEIPT_TYPE)
    if claims is None:
        raise CommandError(Exit.REFUSED, "This receipt was not signed with these keys, or it was changed.")
    return claims, find_key(keys, signed).get("withdrawn")


def _keys(signed: str, jwks: Path | None, server: Server) -> dict[str, Any]:
    from domicile.region.entering.keys import claimed_region  # noqa: PLC0415 - loads no cryptography until it runs

    if jwks is None:
        path = f"/.well-known/domicile/{claimed_region(signed) or 'unknown'}/statement-keys.json"
        with new_client(server.base_url) as client:
            answer = client.get(path)
        content, where = answer.content, f"{server.base_url}{path}"
    else:
        try:
            content, where = jwks.read_bytes(), str(jwks)
        except OSError as error:
            raise CommandError(Exit.USAGE, f"{jwks} cannot be read: {error.strerror}") from None
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.DecodeError:
        raise CommandError(Exit.REFUSED, f"There are no keys at {where}.") from None


def _compare(body: JsonObject, claims: dict[str, Any]) -> None:
    """Refuse a receipt that says beside the signed statement something else than in it."""
    differing = [name for name, claim in _SAME.items() if name in body and body[name] != claims.get(claim)]
    if differing:
        names = ", ".join(differing)
        raise CommandError(Exit.REFUSED, f"The receipt was changed: {names} is not what was signed.")
