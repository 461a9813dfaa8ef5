"""The published document: OpenAPI 3.1, made from the routes themselves, with what they say of errors and an example for each body."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from litestar import Litestar, Response
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from msgspec import Struct

from domicile.web.forwarding import FORWARD
from domicile.web.operations import Access
from domicile.web.problems import CODES

_PROBLEM = {
    "type": "object",
    "required": ["message", "fields", "type", "title", "status", "detail", "instance"],
    "properties": {
        "message": {"type": "string", "description": "For the reader."},
        "fields": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Field → what is wrong with it; maybe empty.",
        },
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "Names the request in the logs."},
    },
}
_SECURITY: dict[Access, list[dict[str, list[str]]]] = {
    Access.ANYONE: [],
    Access.PERSON: [{"session": []}],
    Access.ACCOUNT: [{"apiKey": []}, {"accountToken": []}],
    Access.SERVICE: [{"service": []}],
    Access.ACCOUNT_OR_SERVICE: [{"apiKey": []}, {"accountToken": []}, {"service": []}],
    Access.SERVICE: [{"service": []}],
    Access.ANYBODY_SIGNED_IN: [{"apiKey": []}, {"accountToken": []}, {"session": []}],
    Access.MEMBER: [{"apiKey": []}, {"accountToken": []}, {"session": []}],
}
_SCHEMES = {
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`ApiKey <id>:<secret>`",
    },
    "accountToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "From `POST /api/accounts/{id}/token`; good for one account, ten minutes.",
    },
    "service": {
        "type": "http",
        "scheme": "bearer",
        "description": "The credential of a service of the platform, from `domicile service token`, or the access token that `/oauth/token` gave for it.",
    },
    "session": {
        "type": "http",
        "scheme": "bearer",
        "description": "A person's session, from `POST /api/sessions`.",
    },
}
_HEADERS = {
    "request_key": {
        "Idempotency-Key": "Repeating the request with the same key within 24 hours gives the same answer and creates nothing."
    },
    "expected": {"If-Match": "The `ETag` that the change is meant for; another version answers 412."},
    "forwarded": {
        "X-Original-Method": "Method of the request that is asked about.",
        "X-Original-URI": "Its path and query, as they were sent.",
        "X-Forwarded-Method": "The same, from proxies that call it so.",
        "X-Forwarded-Uri": "The same, from proxies that call it so.",
    },
}
"""By the name of the parameter for which a handler reads them."""


def build_document(app: Litestar, *, version: str, server_url: str) -> dict[str, Any]:
    """Make the document of an application."""
    document = app.openapi_schema.to_schema()
    document["info"] = {
        "title": "Domicile",
        "version": version,
        "description": "Users, accounts in regions, roles. Every request under /api/ carries `Api-Version: v1`.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    }
    document["servers"] = [{"url": server_url}]
    document["components"]["securitySchemes"] = _SCHEMES
    document["components"]["schemas"]["Problem"] = _PROBLEM
    for path, method, handler in list_operations(app):
        operation = document["paths"][_shown(path)][method.lower()]
        _complete(operation, handler)
        operation["operationId"] = _unique_name(path, handler)
    return document


def list_operations(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """List the published operations: path template, method, handler, in the order of their registration."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if handler.opt.get("access") is not None:
                    for method in sorted(handler.http_methods - {"OPTIONS"}):
                        yield route.path_format, str(method), handler


def _unique_name(path: str, handler: HTTPRouteHandler) -> str:
    """Name an operation after its handler; one with several paths, after the path too (OpenAPI asks for unique names)."""
    name = handler.handler_name
    return name if len(handler.paths) == 1 else f"{name}_{path.rpartition('/')[2]}"


def _shown(path: str) -> str:
    return path or "/"


def _complete(operation: dict[str, Any], handler: HTTPRouteHandler) -> None:
    access: Access = handler.opt["access"]
    operation["description"] = (handler.fn.__doc__ or "").strip()
    operation["security"] = _SECURITY[access]
    if handler.opt["permission"]:
        operation["x-permission"] = handler.opt["permission"]
    parameters: list[dict[str, Any]] = [_plain(parameter) for parameter in operation.get("parameters", [])]
    if any(path.startswith("/api/") and not path.startswith(FORWARD) for path in handler.paths):
        parameters.append(_header("Api-Version", "Always `v1`.", required=True, values=["v1"]))
    asked = handler.parsed_fn_signature.parameters
    parameters += [
        _header(name, text) for key, told in _HEADERS.items() if key in asked for name, text in told.items()
    ]
    operation["parameters"] = parameters
    _add_examples(operation, handler)
    _add_errors(operation, handler)


def _plain(parameter: dict[str, Any]) -> dict[str, Any]:
    kept = {name: parameter[name] for name in ("name", "in", "required") if name in parameter}
    return {**kept, "schema": {"type": "string"}}


def _header(
    name: str, text: str, *, required: bool = False, values: list[str] | None = None
) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"} | ({"enum": values} if values else {})
    return {"name": name, "in": "header", "required": required, "description": text, "schema": schema}


def _add_examples(operation: dict[str, Any], handler: HTTPRouteHandler) -> None:
    body = handler.parsed_data_field
    if body is not None:
        operation["requestBody"]["required"] = body.is_required
    if body is not None and (example := example_of(body.annotation)) is not None:
        operation["requestBody"]["content"]["application/json"]["example"] = example
    if streams := handler.opt.get("streams"):
        told = {kind: {"schema": {"type": "string"}} for kind in streams}
        operation["responses"][str(handler.status_code)] = {"description": "A stream.", "content": told}
        return
    answer = handler.parsed_fn_signature.return_type.annotation
    for content in operation["responses"].get(str(handler.status_code), {}).get("content", {}).values():
        if answer == Response[bytes]:  # JSON that was written by hand: this document
            content["schema"] = {"type": "object"}
        if (example := example_of(answer)) is not None:
            content["example"] = example
    for status, spec in (handler.responses or {}).items():
        for content in operation["responses"][str(status)]["content"].values():
            content["example"] = example_of(spec.data_container)


def example_of(annotation: Any) -> dict[str, object] | None:  # noqa: ANN401  # any type form
    """Give the example of a body's type, looking inside a `Response[...]`; None for a type without one."""
    if get_origin(annotation) is Response:
        annotation = get_args(annotation)[0]
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return getattr(annotation, "example", None)
    return None


def _add_errors(operation: dict[str, Any], handler: HTTPRouteHandler) -> None:
    responses = operation["responses"]
    responses.pop("400", None)
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(("invalid-input", *handler.opt["errors"])):
        by_status.setdefault(CODES[code], []).append(code)
    for status, codes in sorted(by_status.items()):
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        told = ", ".join(f"`{code}`" for code in codes)
        responses[str(status)] = {"description": f"Problem: {told}", "content": content}
