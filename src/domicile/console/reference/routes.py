"""The readable reference of the API, made from the document that the server publishes; one page, printable, without a script."""

from typing import Any

from litestar import Litestar, Response, get
from litestar.params import SkipValidation

from domicile.console.reference.shaping import Subject, shape_document
from domicile.console.views import View
from domicile.infra.telemetry import release
from domicile.web.openapi import build_document
from domicile.web.requests import DomicileRequest

_SHAPED = "reference"


@get("/docs")
async def show_reference(view: SkipValidation[View], request: DomicileRequest) -> Response[str]:
    """Every operation, by subject."""
    return view.render(
        "reference/templates/reference.html",
        subjects=_subjects(request.app),
        version=release(),
        url=request.app.state["public_url"],
    )


def _subjects(app: Litestar) -> tuple[Subject, ...]:
    """Shape the document of an application, once in its life."""
    state: Any = app.state
    if (shaped := state.get(_SHAPED)) is None:
        document = build_document(app, version=release(), server_url=state["public_url"])
        shaped = state[_SHAPED] = shape_document(document)
    return shaped


ROUTES = [show_reference]
