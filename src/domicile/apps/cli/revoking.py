"""Commands about the revocation feed: following it."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from domicile.apps.cli.api import Answer, Api, JsonObject, open_api
from domicile.apps.cli.options import IN_USE, InAccount, Output
from domicile.apps.cli.output import show_json
from domicile.apps.cli.printing import as_text, show_note
from domicile.apps.cli.signed_in import account_api

revocations = App(name="revocations")

_WAIT_SECONDS = 25


@revocations.command(name="follow")
def follow_revocations(
    *,
    since: Annotated[
        int | None, Parameter(help="The number to go on after; from the beginning without it.")
    ] = None,
    region: Annotated[
        str | None, Parameter(help="Id of the region, for the credential of a service.")
    ] = None,
    once: Annotated[bool, Parameter(negative=(), help="Stop at the newest row instead of waiting.")] = False,
    server: InAccount = IN_USE,
) -> None:
    """Print what makes void what services verify offline, as it happens, until you interrupt it.

    With DOMICILE_SERVICE_TOKEN in the environment it reads as that service, all accounts of the region; else your account's rows.
    """
    position = since
    with _reading_api(server) as api:
        while True:
            answer = _ask(api, position, region, wait_seconds=0 if once else _WAIT_SECONDS)
            body = answer.body()
            _show(answer, body, server)
            head, following = body.get("head"), body.get("next")
            position = following if isinstance(following, int) else position
            if once and following == head:
                return


def _ask(api: Api, since: int | None, region: str | None, *, wait_seconds: int) -> Answer:
    said: dict[str, str | int | None] = {"since": since, "region": region, "wait": wait_seconds}
    params = {name: value for name, value in said.items() if value is not None}
    return api.call("GET", "/revocations", params=params)


def _show(answer: Answer, body: JsonObject, output: Output) -> None:
    if output.json:
        show_json(answer)
        return
    if body.get("reset") is True:
        show_note(f"The feed begins anew; nothing below {as_text(body.get('floor'))} can be judged.")
    for row in msgspec.convert(body.get("rows") or [], list[list[object]]):
        print("  ".join(as_text(cell) for cell in row), flush=True)


@contextmanager
def _reading_api(server: InAccount) -> Generator[Api]:
    if token := os.environ.get("DOMICILE_SERVICE_TOKEN"):
        with open_api(server.base_url, f"Bearer {token}") as api:
            yield api
        return
    with account_api(server) as api:
        yield api
